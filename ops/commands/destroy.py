"""``dangan destroy prepare`` and ``send``: a destruction is applied for, signed by others, and carried out."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from ops.commands import destroy_desk
from ops.commands.keys import PassphraseFile
from ops.commands.request import As, Home, Trusted, ask
from ops.config import default_home, load_settings, settings_file
from ops.destructions.places import Place, everywhere, here
from ops.linked import belonging
from ops.printable import plain
from schemas.commands import Destroy
from schemas.destruction import Ground
from schemas.errors import DanganError
from schemas.members import MAX_COMMANDS
from store.database import DriverError, connect
from store.retention import Expiries

_TIMEOUT_MS = 2000


def register(app: typer.Typer) -> None:
    """Add ``dangan destroy`` with its subcommands to the command line."""
    group = typer.Typer(help="Destruction (销毁): apply, sign, send, confirm; the register.", no_args_is_help=True)
    group.command("prepare")(prepare)
    group.command("send")(send)
    destroy_desk.add(group)
    app.add_typer(group, name="destroy")


def prepare(
    out: Annotated[Path, typer.Option(help="The request file to write.")],
    ground: Annotated[Ground, typer.Option(help="Why they may be destroyed.")],
    reason: Annotated[str, typer.Option(help="Why; without personal data.")],
    record: Annotated[list[str] | None, typer.Argument(help="The records' ids.")] = None,
    expired: Annotated[
        bool, typer.Option("--expired", help="Take what dangan retention run has listed, up to 256 records.")
    ] = False,
    applicant: Annotated[str | None, typer.Option(help="Who applies: a principal's id; signs too.")] = None,
    scope: Annotated[str | None, typer.Option(help="What is destroyed, in a few words.")] = None,
    witness: Annotated[str | None, typer.Option(help="Who watches (监督人): a principal's id; signs too.")] = None,
    basis: Annotated[
        str | None, typer.Option(help="Reference of the customer's request, or of the approved change.")
    ] = None,
    no_need: Annotated[bool, typer.Option("--no-need", help="State that no business needs them any more.")] = False,
    home: Home = None,
) -> None:
    """Write a destruction request; its quantity and method are filled in.

    An archive is destroyed with everything that was merged into it and with the duplicates that wait beside it. They
    are added where the installation's store can be asked. The applicant signs with dangan approve --action
    apply-destroy, the witness with --action witness-destroy, the approvers without --action; then somebody else of the
    archive department sends it, and thereby carries it out.
    """
    records = [*(record or ()), *(_listed(home) if expired else ())]
    if not records:
        raise DanganError("DG-OPS-035", field="RECORD", detail="no records")
    more = belonging(home, records)
    for name in more or ():
        Console().print(plain(f"added: {name}, a part or a waiting duplicate"), soft_wrap=True)
    if more is None:
        Console().print("the store was not asked for parts: the archive refuses the request if one is missing")
    records = list(dict.fromkeys([*records, *(more or ())]))
    request: dict[str, object] = {"id": str(uuid.uuid4()), "records": records, "ground": ground, "reason": reason}
    if applicant or scope or witness or basis or no_need:
        request["application"] = {
            "applicant": applicant, "scope": scope, "quantity": len(records), "method": "key_destruction",
            "witness": witness, "basis": basis, "no_need": no_need,
        }  # fmt: skip
    _command(request, ())
    out.write_text(json.dumps(request, indent=1, ensure_ascii=False) + "\n", "utf-8")
    told = f"wrote {out}: {len(records)} records; next: dangan approve {out} --requester WHO-WILL-SEND --key KEYFILE"
    Console().print(plain(told), soft_wrap=True)


def send(
    request: Annotated[Path, typer.Argument(help="The request file.")],
    approval: Annotated[list[Path], typer.Option(help="A file with a signature; repeat it for each signer.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List each place and what would happen there.")] = False,
    home: Home = None,
) -> None:
    """Send a signed destruction request, and so carry it out. Sending it again is harmless."""
    try:
        parts = json.loads(request.read_text("utf-8"))
        signed = [token for file in approval for token in file.read_text("ascii").split()]
    except (OSError, ValueError) as error:
        raise DanganError("DG-OPS-035", detail=type(error).__name__) from None
    command = _command(parts, signed)
    console = Console()
    if dry_run:
        _show(console, command, _places(home, command.records))
        return
    ask(
        load_settings(home),
        key,
        passphrase_file,
        trust,
        lambda archive: archive.destroy(
            records=command.records,
            ground=command.ground,
            reason=command.reason,
            approvals=signed,
            application=command.application.model_dump(mode="json") if command.application else None,
            command_id=command.id,
        ),
    )
    console.print(plain(f"forgotten: {', '.join(command.records)}"), soft_wrap=True)
    console.print("old backups and Kafka's history still hold them until: dangan sweep --all --rotate-ingest")
    console.print(plain(f"then, by somebody else: dangan destroy confirm {command.id}"), soft_wrap=True)


def _command(parts: Mapping[str, object], approvals: Sequence[str]) -> Destroy:
    try:
        return Destroy.model_validate({**parts, "type": "destroy", "approvals": tuple(approvals)})
    except (ValidationError, TypeError) as error:
        place = error.errors()[0]["loc"] if isinstance(error, ValidationError) else "not an object"
        raise DanganError("DG-OPS-035", detail=str(place)) from None


def _listed(home: Path | None) -> list[str]:
    """What the list of expired records has for destruction, the longest due first."""

    async def look() -> list[str]:
        settings = load_settings(home)
        found: list[str] = []
        async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
            async for each in Expiries(database).all():
                if each.action != "seal" and len(found) < MAX_COMMANDS:
                    found.append(each.record)
        return found

    return asyncio.run(look())


def _places(home: Path | None, records: Sequence[str]) -> list[Place]:
    """Each place, with counts where the installation's store can be asked."""
    if not settings_file((home or default_home()).expanduser()).exists():
        return everywhere()

    async def look() -> list[Place]:
        settings = load_settings(home)
        uri = settings.mongo_uri.get_secret_value()
        async with connect(uri, settings.mongo_database, timeout_ms=_TIMEOUT_MS) as database:
            return await here(settings, database, records)

    try:
        return asyncio.run(look())
    except (DanganError, DriverError):
        return everywhere()


def _show(console: Console, command: Destroy, places: Sequence[Place]) -> None:
    table = Table("place", "there now", "what happens there", title=f"{len(command.records)} records, {command.ground}")
    for place in places:
        table.add_row(plain(place.name), plain(place.there), plain(place.happens))
    console.print(table)
