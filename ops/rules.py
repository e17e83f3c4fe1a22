"""Reads what the organisation may change without code: catalogue, forms, notices, policies, rule book and profile."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeVar

from consumers.authorize import Authorizer
from consumers.rules import Rules
from schemas import taxonomy
from schemas.catalogue import Catalogue
from schemas.errors import DanganError
from schemas.forms import Forms
from schemas.levels import Level
from schemas.notices import NoticeText, notices_from
from schemas.rulebook import RuleBook

T = TypeVar("T")
#: The file of ``policies/forms`` that is no form, but lists the kinds of item.
_ITEMS: Final = "items"


def load_rules(folder: Path | None = None, profile: str = "") -> Rules:
    """Read catalogue, forms, notices, policies and rule book; check that they fit each other.

    Args:
        folder: holds ``catalogue.toml``, ``rules.toml``, ``cedar/``, ``forms/``, ``notices/`` and ``profiles/``; the
            ones that come with dangan by default.
        profile: the folder below ``profiles/`` whose ``rules.toml`` overlays the rule book; none by default, which is
            the strictest.

    Raises:
        DanganError: DG-OPS-030 naming the file and what is wrong with it; DG-POL-001 to 007 for a policy.
    """
    root = policy_root(folder)
    book = rule_book(root, profile)
    catalogue = _checked("catalogue.toml", lambda: _catalogue(root, book))
    forms = _checked("forms", lambda: _forms(root, catalogue, book))
    notices = _checked("notices", lambda: _notices(root, catalogue))
    return Rules(catalogue, _checked("cedar", lambda: Authorizer(*policy_files(root))), book, forms, notices)


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
        raise DanganError("DG-OPS-030", detail=f"{name}: {error}") from error


def _catalogue(root: Path, book: RuleBook) -> Catalogue:
    return Catalogue.from_mapping(
        tomllib.loads((root / "catalogue.toml").read_text("utf-8")),
        category_map=book.taxonomy.category_map,
        tiers={name: Level(level) for name, level in book.sensitivity.tier_by_field.items()},
        fields_by_purpose=book.collection.fields_by_purpose,
    )


def _forms(root: Path, catalogue: Catalogue, book: RuleBook) -> Forms:
    found = _tables(root / "forms")
    items = found.pop(_ITEMS, {})
    return Forms.from_mappings(found, items, catalogue, book.taxonomy.category_map)


def _notices(root: Path, catalogue: Catalogue) -> dict[str, NoticeText]:
    return notices_from(_tables(root / "notices"), catalogue.purposes)


def _tables(folder: Path) -> dict[str, dict[str, Any]]:
    """Every TOML file of a folder, by its name without the ending."""
    return {file.stem: tomllib.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.toml"))}


def rule_book(root: Path, profile: str) -> RuleBook:
    """The rule book alone, which is quick to read.

    Args:
        root: the folder that holds ``rules.toml`` and ``profiles/``.
        profile: the profile that overlays it; none or empty: the strictest.

    Raises:
        DanganError: DG-OPS-030 naming the file and what is wrong with it.
    """
    layers: list[dict[str, Any]] = []
    for file in (root / "rules.toml", *([root / "profiles" / profile / "rules.toml"] if profile else [])):
        try:
            layers.append(tomllib.loads(file.read_text("utf-8")))
            RuleBook.from_mappings(*layers)
        except (OSError, ValueError) as error:
            raise DanganError("DG-OPS-030", field=profile or None, detail=f"{file.name}: {error}") from error
    book = RuleBook.from_mappings(*layers)
    _checked("rules.toml", lambda: _consistent(book))
    return book


def _consistent(book: RuleBook) -> None:
    taxonomy.check_map(book.taxonomy.category_map)
    if "consent" in book.consent.legal_exemptions:
        raise ValueError("consent.legal_exemptions: consent is no exemption from consent")
