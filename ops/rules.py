"""Reads what the organisation may change without code: field catalogue, Cedar policies, rule book, profile."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from consumers.authorize import Authorizer
from consumers.rules import Rules
from schemas.catalogue import Catalogue
from schemas.errors import DanganError
from schemas.rulebook import RuleBook


def load_rules(folder: Path | None = None, profile: str = "") -> Rules:
    """Read catalogue, policies and rule book.

    Args:
        folder: holds ``catalogue.toml``, ``rules.toml``, ``cedar/`` and ``profiles/``; the ones that come with dangan
            by default.
        profile: the folder below ``profiles/`` whose ``rules.toml`` overlays the rule book; none by default, which is
            the strictest.

    Raises:
        DanganError: DG-OPS-030 naming the file and what is wrong with it.
    """
    root = folder or Path(str(files("policies")))
    catalogue_file, policy_file = root / "catalogue.toml", root / "cedar" / "archive.cedar"
    try:
        catalogue = Catalogue.from_mapping(tomllib.loads(catalogue_file.read_text("utf-8")))
    except (OSError, ValueError, KeyError) as error:
        raise DanganError("DG-OPS-030", detail=f"{catalogue_file.name}: {error}") from error
    book = _rule_book(root, profile)
    try:
        policies = policy_file.read_text("utf-8")
        schema = policy_file.with_suffix(".cedarschema").read_text("utf-8")
        return Rules(catalogue, Authorizer(policies, schema), book)
    except (OSError, ValueError) as error:
        raise DanganError("DG-OPS-030", detail=f"{policy_file.name}: {error}") from error


def _rule_book(root: Path, profile: str) -> RuleBook:
    layers: list[dict[str, Any]] = []
    for file in (root / "rules.toml", *([root / "profiles" / profile / "rules.toml"] if profile else [])):
        try:
            layers.append(tomllib.loads(file.read_text("utf-8")))
            RuleBook.from_mappings(*layers)
        except (OSError, ValueError) as error:
            raise DanganError("DG-OPS-030", field=profile or None, detail=f"{file.name}: {error}") from error
    return RuleBook.from_mappings(*layers)
