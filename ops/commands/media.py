"""``dangan media``: the ledger of storage media, papers and copies (存储介质台账)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Literal, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from consumers.rules import Rules
from ops.audited import Desk, stored_digest
from ops.commands.archive_views import Csv, Json, Limit
from ops.commands.arranging import As, Home, Policies, as_arranger
from ops.commands.keys import PassphraseFile
from ops.custody import media as ledger
from ops.listing import Form, put_out
from ops.printable import plain
from schemas.custody import MediumKind, Method
from schemas.registers import Entry, Said

T = TypeVar("T")
Medium = Annotated[str, typer.Argument(help="The medium's reference.")]
Condition = Annotated[Literal["intact", "damaged"], typer.Option(help="In what condition it is.")]
Location = Annotated[str | None, typer.Option(help="Where it stands.")]
Keeper = Annotated[str | None, typer.Option(help="Who keeps it (专人).")]
Cabinet = Annotated[str | None, typer.Option(help="The locked cabinet or safe.")]
Reason = Annotated[str, typer.Option(help="Why: a word or a file reference, nothing personal.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; today by default.")]


def register(app: typer.Typer) -> None:
    """Add ``dangan media`` with its subcommands to the command line."""
    group = typer.Typer(help="Media, papers and copies outside the archive: where, whose, lent, destroyed.")
    for name, command in (
        ("add", add),
        ("move", move),
        ("lend", lend),
        ("take-back", take_back),
        ("inspect", inspect),
        ("fault", fault),
        ("lose", lose),
        ("discard", discard),
        ("destroy", destroy),
        ("give-back", give_back),
        ("list", list_media),
        ("show", show),
        ("overdue", overdue),
    ):
        group.command(name, no_args_is_help=name not in ("list", "overdue"))(command)
    app.add_typer(group, name="media")


def add(
    medium: Medium,
    kind: Annotated[
        MediumKind,
        typer.Option(help="What it is."),
    ],
    location: Annotated[str, typer.Option(help="Where it stands.")],
    responsible: Annotated[str, typer.Option(help="Who answers for it: a principal's id.")],
    key: As,
    condition: Condition = "intact",
    record: Annotated[list[str] | None, typer.Option(help="A record that it belongs to; several by repeating.")] = None,
    holds: Annotated[str | None, typer.Option(help="What it holds, nothing personal.")] = None,
    encrypted: Annotated[bool | None, typer.Option("--encrypted/--not-encrypted", help="Electronic media.")] = None,
    encrypted_transfer: Annotated[
        bool | None, typer.Option("--encrypted-transfer/--plain-transfer", help="Of an uploaded video.")
    ] = None,
    target: Annotated[
        Literal["store_disc", "headquarters_server"] | None,
        typer.Option(help="Where a witness video stands."),
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="Of an electronic copy.")] = None,
    cabinet: Cabinet = None,
    keeper: Keeper = None,
    carrier: Annotated[str | None, typer.Option(help="Of paper: its carrier and ink.")] = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Enter a medium into the ledger with its location, its responsible person and its condition."""
    said: dict[str, Said | None] = {
        "location": location, "responsible": responsible, "condition": condition, "holds": holds,
        "encrypted": encrypted, "encrypted_transfer": encrypted_transfer, "target": target, "sha256": sha256,
        "cabinet": cabinet, "keeper": keeper, "carrier": carrier,
    }  # fmt: skip
    given = {name: value for name, value in said.items() if value is not None}
    _act(
        home, key, passphrase_file,
        lambda media: media.register(medium, kind, given, now=_now(), records=record or ()),
    )  # fmt: skip


def move(
    medium: Medium,
    location: Annotated[str, typer.Option(help="Where it stands from now on.")],
    key: As,
    responsible: Annotated[str | None, typer.Option(help="Who answers for it from now on.")] = None,
    keeper: Keeper = None,
    cabinet: Cabinet = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Note that a medium stands somewhere else."""
    said = {"location": location, "responsible": responsible, "keeper": keeper, "cabinet": cabinet}
    _step(home, key, passphrase_file, medium, "move", said)


def lend(
    medium: Medium,
    borrower: Annotated[str, typer.Option(help="Who borrows it: a principal's id.")],
    due: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="When it must be back.")],
    purpose: Annotated[str, typer.Option(help="What for: a word or a file reference.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Lend a medium out (借出)."""
    said = {"borrower": borrower, "due": due.date().isoformat(), "purpose": purpose}
    _step(home, key, passphrase_file, medium, "lend", said)


def take_back(
    medium: Medium,
    key: As,
    condition: Condition = "intact",
    location: Location = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Take a medium back (归还)."""
    _step(home, key, passphrase_file, medium, "take_back", {"condition": condition, "location": location})


def inspect(
    medium: Medium,
    condition: Condition,
    key: As,
    day: Day = None,
    cabinet: Cabinet = None,
    keeper: Keeper = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Note an inspection of its condition."""
    said = {"condition": condition, "inspected_on": _day(day), "cabinet": cabinet, "keeper": keeper}
    _step(home, key, passphrase_file, medium, "inspect", said)


def fault(medium: Medium, reason: Reason, key: As, passphrase_file: PassphraseFile = None, home: Home = None) -> None:
    """Note that a medium is faulty."""
    _step(home, key, passphrase_file, medium, "fault", {"reason": reason})


def lose(medium: Medium, reason: Reason, key: As, passphrase_file: PassphraseFile = None, home: Home = None) -> None:
    """Note that a medium is lost; report an incident too."""
    _step(home, key, passphrase_file, medium, "lose", {"reason": reason})


def discard(medium: Medium, reason: Reason, key: As, passphrase_file: PassphraseFile = None, home: Home = None) -> None:
    """Discard a medium. It stays open until its destruction is proved."""
    _step(home, key, passphrase_file, medium, "discard", {"reason": reason})


def destroy(
    medium: Medium,
    method: Annotated[Method, typer.Option(help="How it was destroyed.")],
    evidence: Annotated[str, typer.Option(help="Reference of the proof: a protocol, a firm's receipt.")],
    witness: Annotated[str, typer.Option(help="The second person: a principal's id.")],
    key: As,
    day: Day = None,
    order: Annotated[str | None, typer.Option(help="The destruction order that it belongs to.")] = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Record how a medium was destroyed, with proof and a second person (销毁)."""
    said = {"method": method, "evidence": evidence, "witness": witness, "destroyed_on": _day(day), "order": order}
    _step(home, key, passphrase_file, medium, "destroy", said)


def give_back(
    medium: Medium,
    receiver: Annotated[str, typer.Option(help="Who got it: an opaque reference.")],
    evidence: Annotated[str, typer.Option(help="Reference of the receipt.")],
    key: As,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Note that a medium was returned to whom it belongs."""
    _step(home, key, passphrase_file, medium, "give_back", {"receiver": receiver, "evidence": evidence})


def show(medium: Medium, key: As, passphrase_file: PassphraseFile = None, home: Home = None) -> None:
    """Show a medium's whole life."""

    async def act(at: Desk, _: Rules) -> Entry:
        await at.record("query", verb="list", record=medium, digest=stored_digest({"list": "media"}))
        return await ledger.Media(at).show(medium)

    entry = as_arranger(home, key, passphrase_file, act)
    table = Table("when", "step", "by", "said", title=plain(f"{entry.id}: {entry.kind}, {entry.state}"))
    for step in entry.steps:
        when = datetime.fromtimestamp(step.at, UTC).isoformat(timespec="seconds")
        table.add_row(
            when, step.verb, plain(step.by), plain(", ".join(f"{n}: {_text(v)}" for n, v in step.said.items()))
        )
    Console().print(table)


def list_media(
    key: As,
    state: Annotated[str | None, typer.Option(help="in_store, on_loan, faulty, lost, discarded, destroyed...")] = None,
    kind: Annotated[str | None, typer.Option(help="paper, optical, drive, tape, copy or video.")] = None,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """List the media with their responsible persons and open loans."""

    async def act(at: Desk, _: Rules) -> int:
        await at.record("query", verb="list", digest=stored_digest({"list": "media"}))
        lines = ledger.listed(at.database, state=state, kind=kind)
        return await put_out(Console(), "media", ledger.LISTED, lines, Form(as_json, file, limit))

    as_arranger(home, key, passphrase_file, act)


def overdue(
    key: As,
    as_json: Json = False,
    file: Csv = None,
    limit: Limit = 1000,
    passphrase_file: PassphraseFile = None,
    policies: Policies = None,
    home: Home = None,
) -> None:
    """List loans that are not back, discarded media without proof, and inspections that are due."""

    async def act(at: Desk, rules: Rules) -> int:
        await at.record("query", verb="list", digest=stored_digest({"list": "media overdue"}))
        months = rules.book.storage.inspection_months
        lines = ledger.overdue(at.database, today=_today(), inspection_months=months)
        return await put_out(Console(), "media overdue", ledger.OVERDUE, lines, Form(as_json, file, limit))

    as_arranger(home, key, passphrase_file, act, policies)


def _act(home: Home, key: As, passphrase_file: PassphraseFile, act: Callable[[ledger.Media], Awaitable[Entry]]) -> None:
    async def run(at: Desk, _: Rules) -> Entry:
        return await act(ledger.Media(at))

    entry = as_arranger(home, key, passphrase_file, run)
    Console().print(plain(f"{entry.id} is {entry.state.replace('_', ' ')}"))


def _step(
    home: Home, key: As, passphrase_file: PassphraseFile, medium: str, verb: str, said: Mapping[str, Said | None]
) -> None:
    given = {name: value for name, value in said.items() if value is not None}
    _act(home, key, passphrase_file, lambda media: media.step(medium, verb, given, now=_now()))


def _text(value: Said) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _day(given: datetime | None) -> str:
    return (given.date() if given else _today()).isoformat()


def _today() -> date:
    return date.today()  # noqa: DTZ011 - the day where the medium stands


def _now() -> int:
    return int(time.time())
