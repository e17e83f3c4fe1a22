"""``dangan intake review``, ``prepare`` and ``send``: requests of intake, sealed and signed with a key file."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from ops.commands.keys import PassphraseFile
from ops.commands.request import ask
from ops.config import load_settings
from ops.printable import plain
from ops.rules import rules_of
from schemas.archive_code import CodeTemplate
from schemas.commands import Confirm, HandOver
from schemas.errors import DanganError
from schemas.settings import Settings
from store.codes import Codes
from store.database import connect
from store.intakes import Filed, Intakes

Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
As = Annotated[Path, typer.Option("--as", help="Your key file.")]
Trusted = Annotated[Path | None, typer.Option("--trust", help="The trust file; HOME/trust.json by default.")]
Some = Annotated[list[str], typer.Argument(help="The records' ids.")]


def register(group: typer.Typer) -> None:
    """Add the requests to ``dangan intake``."""
    for name, command in (("review", review), ("prepare", prepare), ("send", send)):
        group.command(name)(command)


def review(
    record: Annotated[
        list[str], typer.Argument(help="The records' ids; as ID@VERSION with the version that you looked at.")
    ],
    key: As,
    returned: Annotated[bool, typer.Option("--returned", help="Send them back; they pass otherwise.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why they go back; without personal data.")] = None,
    answer_by: Annotated[str | None, typer.Option(help="By when to answer, RFC 3339.")] = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Note that you reviewed records: they pass, or go back to their sender with a reason and a time to answer.

    Where a version is not said, it is the one that the record has now.
    """
    settings = load_settings(home)
    names, versions = zip(*map(_seen, record), strict=True)
    now = asyncio.run(_filed(settings, names)) if None in versions else {}
    parts: dict[str, Any] = {"records": names, "result": "returned" if returned else "passed"}
    parts["versions"] = [seen or now[name].version for name, seen in zip(names, versions, strict=True)]
    parts |= {name: value for name, value in (("reason", reason), ("answer_by", answer_by)) if value}
    ask(settings, key, passphrase_file, trust, lambda archive: archive.publish("review", parts))
    told = ", ".join(f"{name} version {version}" for name, version in zip(names, parts["versions"], strict=True))
    Console().print(plain(f"{parts['result']}: {told}"), soft_wrap=True)


def prepare(
    record: Some,
    out: Annotated[Path, typer.Option(help="The request file to write.")],
    confirmation: Annotated[
        bool, typer.Option("--confirm", help="A request to confirm new archives; to hand over otherwise.")
    ] = False,
    custodian: Annotated[str | None, typer.Option(help="Who keeps the archives from now on.")] = None,
    papers_checked: Annotated[
        bool, typer.Option("--papers-checked", help="Signatures, seals and key pages of the papers are there.")
    ] = False,
    policies: Annotated[Path | None, typer.Option(help="Folder with rules.toml, as the workers have.")] = None,
    home: Home = None,
) -> None:
    """Write a request to hand over, with the catalogue of what the records hold, or to confirm; to be signed.

    A hand-over is signed with dangan approve --action hand-over by who delivers and --action take-over by who takes
    over; a confirmation by each post.
    """
    request: dict[str, Any] = {"type": "confirm" if confirmation else "hand_over", "id": str(uuid.uuid4())}
    request["records"] = record
    settings = load_settings(home)
    if confirmation:
        filed = asyncio.run(_filed(settings, record))
        request["versions"] = [filed[name].version for name in record]
    else:
        template = CodeTemplate(rules_of(settings, policies).book.arrange.code_template)
        listed = asyncio.run(_listed(settings, record, template))
        request["catalogue"] = [{**item, "papers_checked": papers_checked} for item in listed]
        if custodian:
            request["custodian"] = custodian
    _checked(request, ())
    out.write_text(json.dumps(request, indent=1, ensure_ascii=False) + "\n", "utf-8")
    told = f"wrote {out}: {len(record)} records; next: dangan approve {out} --requester YOU --key KEYFILE"
    Console().print(plain(told), soft_wrap=True)


def send(
    request: Annotated[Path, typer.Argument(help="The request file.")],
    approval: Annotated[list[Path], typer.Option(help="A file with a signature; repeatable.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    home: Home = None,
) -> None:
    """Send a signed hand-over or confirmation. Sending it again is harmless."""
    try:
        parts = json.loads(request.read_text("utf-8"))
        signed = [file.read_text("ascii").strip() for file in approval]
    except (OSError, ValueError) as error:
        raise DanganError("DG-OPS-035", detail=type(error).__name__) from None
    command = _checked(parts, tuple(signed))
    members = command.model_dump(mode="json", exclude={"id", "type"})
    ask(
        load_settings(home),
        key,
        passphrase_file,
        trust,
        lambda archive: archive.publish(command.type, members, command.id),
    )
    done = "handed over" if command.type == "hand_over" else "archived"
    Console().print(plain(f"{done}: {', '.join(command.records)}; request {command.id}"), soft_wrap=True)


async def _listed(settings: Settings, records: list[str], template: CodeTemplate) -> list[dict[str, Any]]:
    """The catalogue of what the records hold now."""
    filed = await _filed(settings, records)
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        codes = await Codes(database, template).of(records)
    return [
        {"record": name, "version": filed[name].version, "fields": sorted(filed[name].fields), "code": codes.get(name)}
        for name in records
    ]


async def _filed(settings: Settings, records: Sequence[str]) -> dict[str, Filed]:
    """The records as they are now.

    Raises:
        DanganError: DG-INT-001 when one is not there.
    """
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        filed = await Intakes(database).filed(records)
    missing = next((record for record in records if record not in filed), None)
    if missing is not None:
        raise DanganError("DG-INT-001", field=missing)
    return filed


def _seen(argument: str) -> tuple[str, int | None]:
    """A record's id and the version that was looked at, of ``ID`` or ``ID@VERSION``; an id holds no ``@``."""
    name, at, version = argument.partition("@")
    if at and not version.isdecimal():
        raise typer.BadParameter(f"not a version: {version!r}", param_hint="RECORD")
    return name, int(version) if at else None


def _checked(parts: Any, approvals: tuple[str, ...]) -> HandOver | Confirm:
    try:
        kind = Confirm if parts["type"] == "confirm" else HandOver
        return kind.model_validate({**parts, "approvals": approvals})
    except (ValidationError, TypeError, KeyError) as error:
        place = error.errors()[0]["loc"] if isinstance(error, ValidationError) else type(error).__name__
        raise DanganError("DG-OPS-035", detail=str(place)) from None
