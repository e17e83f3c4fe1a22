"""``dangan seal``: requests of sealing and unsealing (封存, 解封), what is sealed, unsealings carried out."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError
from rich.console import Console

from consumers.rules import Rules
from ops.audited import Desk, stored_digest
from ops.commands.archive_views import Csv, Json, Limit
from ops.commands.arranging import As, Home, Policies, as_arranger
from ops.commands.keys import PassphraseFile
from ops.commands.request import Trusted, ask
from ops.config import load_settings
from ops.listing import Form, put_out
from ops.printable import plain
from ops.seals.opening import Opened, open_sealed
from schemas.errors import DanganError
from schemas.sealing import OFFICER, VAULT_ROLE, Seal, Unseal
from store.seals import Seals

COLUMNS: Final = ("what", "id", "state", "asked for by", "signed by", "when")
_LOOKERS: Final = ("archivist", "custodian", "auditor", "compliance", OFFICER)


def register(app: typer.Typer) -> None:
    """Add ``dangan seal`` with its subcommands to the command line."""
    group = typer.Typer(
        help="Sealing (封存) instead of destruction: unreadable to everybody, until two approvers have it undone.",
        no_args_is_help=True,
    )
    group.command("prepare", no_args_is_help=True)(prepare)
    group.command("send", no_args_is_help=True)(send)
    group.command("list")(list_sealed)
    group.command("open", no_args_is_help=True)(open_)
    app.add_typer(group, name="seal")


def prepare(
    records: Annotated[list[str], typer.Argument(help="The records.")],
    reason: Annotated[str, typer.Option(help="Why; without personal data.")],
    out: Annotated[Path, typer.Option(help="The request file to write.")],
    undo: Annotated[bool, typer.Option("--undo", help="Ask for their unsealing (解封) instead.")] = False,
) -> None:
    """Write a request: the posts of approval.seal sign it with dangan approve, then dangan seal send sends it."""
    members = {"id": str(uuid.uuid4()), "type": "unseal" if undo else "seal", "records": records, "reason": reason}
    _valid(members, ())
    out.write_text(json.dumps(members, indent=1, ensure_ascii=False) + "\n", "utf-8")
    told = f"wrote {out}; next, by each post that signs: dangan approve {out} --requester YOU --key KEYFILE"
    Console().print(plain(told), soft_wrap=True)


def send(
    request: Annotated[Path, typer.Argument(help="The request file.")],
    key: As,
    approval: Annotated[list[Path] | None, typer.Option(help="A file with a post's approval; repeatable.")] = None,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; send nothing.")] = False,
    home: Home = None,
) -> None:
    """Send a signed request. A sealing is done with its answer; an unsealing then waits for the sealing officer.

    Sending it again is harmless, and finishes what was interrupted.
    """
    try:
        parts = json.loads(request.read_text("utf-8"))
        signed = tuple(file.read_text("ascii").strip() for file in approval or ())
    except (OSError, ValueError) as error:
        raise DanganError("DG-OPS-035", detail=type(error).__name__) from None
    command = _valid(parts, signed)
    count = f"{len(command.records)} records"
    said = f"{count} are sealed" if command.type == "seal" else f"{count} wait: dangan seal open {command.id}"
    if dry_run:
        Console().print(plain(f"would be sent: {said}"), soft_wrap=True)
        return
    members = command.model_dump(mode="json", exclude={"id", "type"})
    ask(load_settings(home), key, passphrase_file, trust, lambda to: to.publish(command.type, members, command.id))
    Console().print(plain(said), soft_wrap=True)


def list_sealed(
    key: As,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List sealed records, and the requests of sealing and unsealing with who asked and signed."""

    async def act(at: Desk, _: Rules) -> int:
        await at.record("query", verb="list", digest=stored_digest({"list": "seals"}))
        return await put_out(Console(), "sealed", COLUMNS, _lines(Seals(at.database)), Form(as_json, file, limit))

    as_arranger(home, key, passphrase_file, act, policies, roles=_LOOKERS)


def open_(
    command: Annotated[str, typer.Argument(help="The unseal command's id, as dangan seal list shows it.")],
    key: Annotated[Path, typer.Option("--as", help="Your key file: that of a registered sealing officer.")],
    passphrase_file: PassphraseFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check it all; change nothing.")] = False,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """Carry an unsealing out (解封): check its signatures again, then move the keys back to where workers can use them.

    By somebody with the role sealing_officer who neither asked for it nor approved it. Repeat it after a crash.
    """

    async def act(at: Desk, rules: Rules) -> Opened:
        return await open_sealed(at, command, rules, now=time.time(), dry_run=dry_run)

    done = as_arranger(home, key, passphrase_file, act, policies, roles=(OFFICER,), vault_role=VAULT_ROLE)
    would = "would be " if dry_run else ""
    told = (
        f"{len(done.records)} records {would}unsealed, as {done.requester} asked; signed: {', '.join(done.approvers)}"
    )
    Console().print(plain(told), soft_wrap=True)


async def _lines(seals: Seals) -> AsyncGenerator[Mapping[str, str]]:
    for record, finished in sorted((await seals.sealed()).items()):
        yield dict.fromkeys(COLUMNS, "") | {"what": "record", "id": record, "state": "sealed" if finished else "moving"}
    for order in await seals.all():
        yield {
            "what": f"{order.kind} {len(order.records)} records",
            "id": order.command,
            "state": order.state,
            "asked for by": order.sender,
            "signed by": ", ".join(order.signers),
            "when": datetime.fromtimestamp(order.at, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        }


def _valid(members: Any, approvals: tuple[str, ...]) -> Seal | Unseal:
    try:
        model = Unseal if members["type"] == "unseal" else Seal
        return model.model_validate({**members, "approvals": approvals})
    except (ValidationError, TypeError, KeyError) as error:
        place = error.errors()[0]["loc"] if isinstance(error, ValidationError) else "not a seal request"
        raise DanganError("DG-OPS-035", detail=str(place)) from None
