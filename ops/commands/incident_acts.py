"""Who acts on incidents, and what such commands share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from consumers.rules import Rules
from keys.principal_keys import PrincipalKeys
from ops.audited import Desk
from ops.commands.arranging import as_arranger
from ops.config import load_settings
from ops.printable import plain
from ops.rules import rules_of
from schemas.errors import DanganError
from schemas.incidents import TYP_INCIDENT
from schemas.wire import MAX_PROTECTED
from streams.compact import Malformed, Undecryptable, parse_sealed, unseal

T = TypeVar("T")
As = Annotated[Path, typer.Option("--as", help="Your key file.")]
Incident = Annotated[str, typer.Argument(help="The incident's number.")]
_MAX_DESCRIPTION = 500


def as_responsible(
    home: Path | None,
    key: Path,
    passphrase_file: Path | None,
    act: Callable[[Desk, Rules], Awaitable[T]],
    policies: Path | None = None,
) -> T:
    """Run an act in the name of one who answers for incidents (``incident.responsible``).

    Raises:
        DanganError: DG-OPS-060.
    """
    roles = rules_of(load_settings(home), policies).book.incident.responsible
    return as_arranger(home, key, passphrase_file, act, policies, roles=roles)


def targets_of(
    records: Sequence[str] | None, principals: Sequence[str] | None, departments: Sequence[str] | None
) -> dict[str, list[str]]:
    """What is named, as the commands say it."""
    named = {"records": records, "principals": principals, "departments": departments}
    return {name: list(listed) for name, listed in named.items() if listed}


def described(file: Path) -> str:
    """A description in a file.

    Raises:
        DanganError: DG-OPS-035 when it cannot be read, is empty or too long.
    """
    try:
        text = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DanganError("DG-OPS-035", field=str(file), detail=type(error).__name__) from None
    if not 0 < len(text) <= _MAX_DESCRIPTION:
        raise DanganError("DG-OPS-035", field=str(file), detail=f"1 to {_MAX_DESCRIPTION} characters")
    return text


def lines_of(sealed: bytes, keys: PrincipalKeys) -> str:
    """A description, opened with the key of one whom it was sealed to; a remark where the key is another one."""
    try:
        parts = parse_sealed(sealed, typ=TYP_INCIDENT, max_protected=MAX_PROTECTED)
        return unseal(parts, keys.receiving.private).decode()
    except (Malformed, Undecryptable, UnicodeDecodeError):
        return "(the description is sealed to an earlier key of yours)"


def told(words: str) -> None:
    """Print what was done."""
    Console().print(plain(words), soft_wrap=True)
