"""Reads what the organisation may change without code: catalogue, forms, notices, policies, rule book and profile."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from consumers.authorize import Authorizer
from consumers.rules import Rules
from schemas import taxonomy
from schemas.catalogue import Catalogue
from schemas.errors import DanganError
from schemas.forms import Forms
from schemas.levels import Level
from schemas.notices import NoticeText, notices_from
from schemas.rulebook import RuleBook
from schemas.settings import Settings

T = TypeVar("T")
#: The file of ``policies/forms`` that is no form, but lists the kinds of item.
_ITEMS: Final = "items"


def load_rules(folder: Path | None = None, profile: str = "") -> Rules:
    """Read catalogue, forms, notices, policies and rule book; check that they fit each other.

    Args:
        folder: holds ``catalogue.toml``, ``rules.toml``, ``cedar/``, ``forms/``, ``notices/`` and ``profiles/``; the
            ones that come with dangan by default.
        profile: the folder below ``profiles/`` whose ``rules.toml`` overlays the rule book, and whose ``forms/``, if it
            has any, stand in place of those for the same purposes; none by default, which is the strictest.

    Raises:
        DanganError: DG-OPS-030 naming the file and what is wrong with it; DG-POL-001 to 007 for a policy, 013 for a
            profile that there is not.
    """
    root = policy_root(folder)
    book = rule_book(root, profile)
    catalogue = _checked("catalogue.toml", lambda: _catalogue(root, book))
    forms = _checked("forms", lambda: _forms(root, profile, catalogue, book))
    notices = _checked("notices", lambda: _notices(root, catalogue))
    return Rules(catalogue, _checked("cedar", lambda: Authorizer(*policy_files(root))), book, forms, notices)


def rules_of(settings: Settings, folder: Path | None = None) -> Rules:
    """The rules of an installation: of its policies folder, or of another one, under its profile.

    Raises:
        DanganError: as :func:`load_rules`.
    """
    return load_rules(folder or settings.policies, settings.profile)


def policy_root(folder: Path | None = None) -> Path:
    """The folder of what the organisation may change; the one that comes with dangan by default."""
    return folder or Path(str(files("policies")))


def policy_files(root: Path) -> tuple[dict[str, str], str]:
    """The Cedar policies of a folder, by file name, and their schema.

    Raises:
        OSError: when a file cannot be read.
        ValueError: when one is not UTF-8.
    """
    cedar = root / "cedar"
    texts = {file.name: file.read_text("utf-8") for file in sorted(cedar.glob("*.cedar"))}
    return texts, (cedar / "archive.cedarschema").read_text("utf-8")


def _checked(name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except (OSError, ValueError, KeyError) as error:
        raise DanganError("DG-OPS-030", detail=f"{name}: {told(error)}") from error


def told(error: Exception) -> str:
    """What is wrong in a file, in one line: of a validation each place and its message, without links and inputs."""
    if not isinstance(error, ValidationError):
        return str(error)
    places = [(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()]
    return "; ".join(f"{place}: {message}" if place else message for place, message in places)


def _catalogue(root: Path, book: RuleBook) -> Catalogue:
    return Catalogue.from_mapping(
        tomllib.loads((root / "catalogue.toml").read_text("utf-8")),
        category_map=book.taxonomy.category_map,
        tiers={name: Level(level) for name, level in book.sensitivity.tier_by_field.items()},
        fields_by_purpose=book.collection.fields_by_purpose,
    )


def _forms(root: Path, profile: str, catalogue: Catalogue, book: RuleBook) -> Forms:
    found = _tables(root / "forms")
    items = found.pop(_ITEMS, {})
    own = _tables(root / "profiles" / profile / "forms") if profile else {}
    taken = {purpose for form in own.values() for purpose in form.get("purposes", ())}
    others = {name: form for name, form in found.items() if taken.isdisjoint(form.get("purposes", ()))}
    return Forms.from_mappings({**others, **own}, items, catalogue, book.taxonomy.category_map)


def _notices(root: Path, catalogue: Catalogue) -> dict[str, NoticeText]:
    return notices_from(_tables(root / "notices"), catalogue.purposes)


def _tables(folder: Path) -> dict[str, dict[str, Any]]:
    """Every TOML file of a folder, by its name without the ending."""
    return {file.stem: tomllib.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.toml"))}


def profile_names(root: Path) -> tuple[str, ...]:
    """The folders below ``profiles/`` that hold rules, in order."""
    return tuple(sorted(file.parent.name for file in (root / "profiles").glob("*/rules.toml")))


def rule_book(root: Path, profile: str) -> RuleBook:
    """The rule book alone, which is quick to read.

    Args:
        root: the folder that holds ``rules.toml`` and ``profiles/``.
        profile: the profile that overlays it; none or empty: the strictest.

    Raises:
        DanganError: DG-OPS-030 naming the file and what is wrong with it, DG-POL-013 for a profile that there is not.
    """
    if profile and profile not in profile_names(root):
        raise DanganError("DG-POL-013", field=profile, detail=", ".join(profile_names(root)))
    layers: list[dict[str, Any]] = []
    for file in (root / "rules.toml", *([root / "profiles" / profile / "rules.toml"] if profile else [])):
        try:
            layers.append(tomllib.loads(file.read_text("utf-8")))
            RuleBook.from_mappings(*layers)
        except (OSError, ValueError) as error:
            raise DanganError("DG-OPS-030", field=profile or None, detail=f"{file.name}: {told(error)}") from error
    book = RuleBook.from_mappings(*layers)
    _checked("rules.toml", lambda: _consistent(book))
    return book


def _consistent(book: RuleBook) -> None:
    taxonomy.check_map(book.taxonomy.category_map)
    if "consent" in book.consent.legal_exemptions:
        raise ValueError("consent.legal_exemptions: consent is no exemption from consent")
