"""``dangan destroy``, and how every command sends a request, sealed and signed with a principal's key file."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from keys.principal_keys import PrincipalKeys
from ops.commands.keys import PassphraseFile, read_key_file
from ops.config import load_settings
from ops.linked import belonging
from ops.printable import plain
from ops.provision import trust_file
from schemas.answered import refusal_of
from schemas.commands import Destroy
from schemas.errors import DanganError
from schemas.replies import Result
from schemas.settings import Settings
from schemas.trust import load_trust
from streams.publisher import Publisher
from streams.receipts import Receipt

T = TypeVar("T")

Home = Annotated[Path | None, typer.Option(help="Folder of this installation.")]
As = Annotated[Path, typer.Option("--as", help="Your key file.")]
Trusted = Annotated[Path | None, typer.Option("--trust", help="The trust file; HOME/trust.json by default.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan destroy`` to the command line."""
    destroy = typer.Typer(help="Destruction requests: prepare, have them approved, send.", no_args_is_help=True)
    destroy.command("prepare")(prepare)
    destroy.command("send")(send)
    app.add_typer(destroy, name="destroy")


def prepare(
    record: Annotated[list[str], typer.Argument(help="The records' ids.")],
    ground: Annotated[str, typer.Option(help="expired, subject_request or business_request.")],
    reason: Annotated[str, typer.Option(help="Why; without personal data.")],
    out: Annotated[Path, typer.Option(help="The request file to write.")],
    home: Home = None,
) -> None:
    """Write a destruction request, to be signed by two approvers with dangan approve.

    An archive is destroyed with everything that was merged into it and with the duplicates that wait beside it. They
    are added where the installation's store can be asked.
    """
    more = belonging(home, record)
    for name in more or ():
        Console().print(plain(f"added: {name}, a part or a waiting duplicate"), soft_wrap=True)
    if more is None:
        Console().print("the store was not asked for parts: the archive refuses the request if one is missing")
    record = [*record, *(more or ())]
    request = {"id": str(uuid.uuid4()), "records": record, "ground": ground, "reason": reason}
    _destroy_command(request, ())
    out.write_text(json.dumps(request, indent=1, ensure_ascii=False) + "\n", "utf-8")
    told = f"wrote {out}: {len(record)} records; next: dangan approve {out} --requester YOU --key KEYFILE"
    Console().print(plain(told), soft_wrap=True)


def send(
    request: Annotated[Path, typer.Argument(help="The request file.")],
    approval: Annotated[list[Path], typer.Option(help="A file with an approver's approval; at least two.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    trust: Trusted = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; send nothing.")] = False,
    home: Home = None,
) -> None:
    """Send an approved destruction request. Sending it again is harmless."""
    try:
        parts = json.loads(request.read_text("utf-8"))
        signed = [file.read_text("ascii").strip() for file in approval]
    except (OSError, ValueError) as error:
        raise DanganError("DG-OPS-035", detail=type(error).__name__) from None
    command = _destroy_command(parts, signed)
    console = Console()
    if dry_run:
        _show_places(console, command)
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
            command_id=command.id,
        ),
    )
    console.print(plain(f"forgotten: {', '.join(command.records)}"), soft_wrap=True)
    console.print("old backups and Kafka's history still hold them until: dangan sweep --all --rotate-ingest")


def ask(
    settings: Settings,
    key: Path,
    passphrase_file: Path | None,
    trust: Path | None,
    hand_over: Callable[[Publisher], Awaitable[Receipt]],
) -> Result:
    """Send one command and wait for its answer; a refusal is raised with the archive's code."""

    async def once(archive: Publisher) -> Result:
        return await (await hand_over(archive))

    result = with_archive(settings, read_key_file(key, passphrase_file), trust, once)
    if result.status == "refused":
        raise refusal_of(result)
    return result


def with_archive(
    settings: Settings, keys: PrincipalKeys, trust: Path | None, work: Callable[[Publisher], Awaitable[T]]
) -> T:
    """Run ``work`` with a publisher in the name of the keys' principal: each command leaves at once, by itself."""
    try:
        trusted = load_trust((trust or trust_file(settings)).read_bytes())
    except OSError as error:
        raise DanganError("DG-CER-005", detail=type(error).__name__) from None

    async def run() -> T:
        async with Publisher(
            settings.kafka_bootstrap,
            principal=keys.principal,
            signing_key=keys.signing,
            receiving_key=keys.receiving,
            trust=trusted,
            bundle_commands=1,
            linger=0.0,
            instance=keys.instance,
        ) as archive:
            return await work(archive)

    return asyncio.run(run())


def _destroy_command(parts: Mapping[str, object], approvals: tuple[str, ...] | list[str]) -> Destroy:
    try:
        return Destroy.model_validate({**parts, "type": "destroy", "approvals": tuple(approvals)})
    except (ValidationError, TypeError) as error:
        place = error.errors()[0]["loc"] if isinstance(error, ValidationError) else "not an object"
        raise DanganError("DG-OPS-035", detail=str(place)) from None


def _show_places(console: Console, command: Destroy) -> None:
    table = Table("place", "what happens there", title=f"{len(command.records)} records, {command.ground}")
    for place, happens in (
        ("live key pages", "each page gets a new key and loses the records' slots, at once"),
        ("records, history, search tokens", "erased at once; a tombstone without personal data stays"),
        ("attachments", "every part erased at once; dangan attachment list --record shows what there is"),
        ("destruction ledger", "an entry each: the fence against re-creation, never removed"),
        ("database backups, journal, oplog", "unreadable after the next sweep of the levels' roots"),
        ("key-page snapshots in backup places", "replaced by the sweep with ones that do not hold the records"),
        ("Kafka topics and dead letters", "unreadable after the ingest keys that sealed them are destroyed"),
        ("replies", "sealed to their readers; Kafka drops them after 1 hour; readers keep what they read"),
        ("workers' memory", "page keys are wiped within 60 seconds"),
        ("Vault's own snapshots", "hold old root versions until they are gone: the certificate names place and date"),
    ):
        table.add_row(place, happens)
    console.print(table)
