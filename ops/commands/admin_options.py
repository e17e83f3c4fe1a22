"""What ``dangan admin principal`` takes: options, and what they mean."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from ops.public_keys import PublicKeys, read_public_keys
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.locales import Locale

Role = Annotated[
    list[str] | None,
    typer.Option(help="collector, editor, reader, archivist, approver...; repeatable. Or administrator."),
]
Department = Annotated[str, typer.Option(help="The principal's department.")]
Clearance = Annotated[Level, typer.Option(help="Highest level it may read or change.")]
Scope = Annotated[list[str] | None, typer.Option(help="What its duty covers, for instance building=b-07; repeatable.")]
Agreement = Annotated[str | None, typer.Option(help="Reference of the signed confidentiality agreement.")]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of that agreement (UTC).")]
Kind = Annotated[str | None, typer.Option(help="person or system; there are no group accounts.")]
Days = Annotated[int, typer.Option(min=1, max=3650, help="For how many days its keys are valid.")]
Language = Annotated[
    Locale | None, typer.Option(help="Language of the archive's answers to it; English, or as it is registered.")
]
Out = Annotated[Path, typer.Option(help="The file to write; must not exist yet.")]


def public_of(path: Path) -> PublicKeys:
    """The public part in a file; DG-OPS-033 when it is none."""
    try:
        return read_public_keys(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DanganError("DG-OPS-033", field=str(path), detail=type(error).__name__) from None


def kind_of(kind: str | None, person: bool) -> Literal["person", "system"]:
    """What is registered; DG-SEC-012 for anything but a person or a system (clause SEC-08)."""
    if kind not in (None, "person", "system"):
        raise DanganError("DG-SEC-012", field="--kind")
    return cast(Literal["person", "system"], kind or ("person" if person else "system"))


def scope_of(scope: list[str] | None) -> list[tuple[str, str]]:
    """Attributes and values of ``NAME=VALUE``."""
    pairs = []
    for text in scope or ():
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise DanganError("DG-OPS-035", field="--scope", detail="NAME=VALUE")
        pairs.append((name, value))
    return pairs


def end_of(last: datetime | None) -> int | None:
    """The end of that day, UTC, in UNIX seconds."""
    return int(datetime.combine(last.date(), time.max, UTC).timestamp()) if last is not None else None
