"""``dangan correction propose``, ``prepare``, ``send`` and ``history``: corrections as sealed and signed commands.

Values come from a file, never from the command line, which shells and process lists show.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Column, Table

from ops.commands.keys import PassphraseFile
from ops.commands.request import As, Home, Trusted, ask
from ops.config import load_settings
from ops.printable import plain
from schemas.commands import Decide, Propose
from schemas.errors import DanganError

C = TypeVar("C", Propose, Decide)


def register(group: typer.Typer) -> None:
    """Add the commands to ``dangan correction``."""
    for command in (propose, prepare, send, history):
        group.command(command.__name__)(command)


def propose(
    file: Annotated[Path, typer.Argument(help="JSON: record, reason, evidence, fields (name: value), by_subject.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Propose a correction. Whoever is registered may; the custodian sees to it. Sending it again is harmless.

    The answer does not say whether there is such a record. An id is written into the file the first time.
    """
    document = _document(file)
    if "id" not in document:
        document["id"] = str(uuid.uuid4())
        file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    command = _valid(Propose, {**document, "type": "propose"}, file)
    parts = command.model_dump(mode="json", exclude={"id", "type"})
    ask(load_settings(home), key, passphrase_file, trust, lambda to: to.publish("propose", parts, command.id))
    _told(f"proposed: {command.id}")


def prepare(
    record: Annotated[str, typer.Argument(help="The record's id.")],
    proposal: Annotated[str, typer.Argument(help="The proposal's id, of dangan correction list.")],
    verdict: Annotated[Literal["approved", "rejected"], typer.Option(help="approved or rejected.")],
    reason: Annotated[str, typer.Option(help="Why; without personal data.")],
    out: Annotated[Path, typer.Option(help="The request file to write.")],
) -> None:
    """Write the decision on a proposal, to be signed by the configured posts with dangan approve."""
    members = {"id": str(uuid.uuid4()), "record": record, "proposal": proposal, "verdict": verdict, "reason": reason}
    command = _valid(Decide, {**members, "type": "decide", "approvals": ()}, out)
    request = command.model_dump(mode="json", exclude={"approvals"})
    out.write_text(json.dumps(request, indent=1, ensure_ascii=False) + "\n", "utf-8")
    _told(f"wrote {out}; next: dangan approve {out} --requester CUSTODIAN --key KEYFILE")


def send(
    request: Annotated[Path, typer.Argument(help="The request file.")],
    key: As,
    approval: Annotated[list[Path] | None, typer.Option(help="A file with an approval; repeatable.")] = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Apply a signed decision as the custodian. Sending it again is harmless."""
    try:
        signed = tuple(file.read_text("ascii").strip() for file in approval or ())
    except (OSError, ValueError) as error:
        raise DanganError("DG-OPS-035", detail=type(error).__name__) from None
    command = _valid(Decide, {**_document(request), "type": "decide", "approvals": signed}, request)
    parts = command.model_dump(mode="json", exclude={"id", "type"})
    result = ask(load_settings(home), key, passphrase_file, trust, lambda to: to.publish("decide", parts, command.id))
    _told(f"{command.record}: version {result.version}" if result.version else f"{command.proposal} is rejected")


def history(
    record: Annotated[str, typer.Argument(help="The record's id.")],
    grant: Annotated[str, typer.Option(help="The grant under which you read; one with history.")],
    purpose: Annotated[str, typer.Option(help="The granted purpose.")],
    field: Annotated[list[str], typer.Option(help="A field whose changes are asked for; repeatable.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Show who changed the fields, when and on what evidence; the reason only where the grant says clear."""
    result = ask(
        load_settings(home),
        key,
        passphrase_file,
        trust,
        lambda to: to.access(record=record, grant=grant, purpose=purpose, fields=field, versions=True),
    )
    names = ("version", "at", "by", "fields", "evidence", "event", "approved_by", "reason")
    table = Table(*(Column(name, overflow="fold") for name in names), title=plain(record))
    listed: Any = (result.values or {}).get("_versions", ())
    for entry in listed:
        told = {**entry, "at": datetime.fromtimestamp(entry["at"] / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")}
        table.add_row(*(plain(_cell(told.get(name, ""))) for name in names))
    Console().print(table)


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _document(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DanganError("DG-OPS-035", field=str(file), detail=type(error).__name__) from None
    if not isinstance(document, dict):
        raise DanganError("DG-OPS-035", field=str(file), detail="not an object")
    return document


def _valid(kind: type[C], members: dict[str, Any], file: Path) -> C:
    try:
        return kind.model_validate(members)
    except ValidationError as error:
        raise DanganError("DG-OPS-035", field=str(file), detail=str(error.errors()[0]["loc"])) from None


def _told(words: str) -> None:
    Console().print(plain(words), soft_wrap=True)
