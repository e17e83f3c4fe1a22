"""Reads what the organisation may change without code: the field catalogue and the Cedar policies."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

from consumers.authorize import Authorizer
from consumers.rules import Rules
from schemas.catalogue import Catalogue
from schemas.errors import DanganError


def load_rules(folder: Path | None = None) -> Rules:
    """Read catalogue and policies.

    Args:
        folder: holds ``catalogue.toml`` and ``cedar/``; the ones that come with dangan by default.

    Raises:
        DanganError: DG-OPS-030 naming the file and what is wrong with it.
    """
    root = folder or Path(str(files("policies")))
    catalogue_file, policy_file = root / "catalogue.toml", root / "cedar" / "archive.cedar"
    try:
        catalogue = Catalogue.from_mapping(tomllib.loads(catalogue_file.read_text("utf-8")))
    except (OSError, ValueError, KeyError) as error:
        raise DanganError("DG-OPS-030", detail=f"{catalogue_file.name}: {error}") from error
    try:
        policies = policy_file.read_text("utf-8")
        schema = policy_file.with_suffix(".cedarschema").read_text("utf-8")
        return Rules(catalogue, Authorizer(policies, schema))
    except (OSError, ValueError) as error:
        raise DanganError("DG-OPS-030", detail=f"{policy_file.name}: {error}") from error
