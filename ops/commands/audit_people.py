"""``dangan audit history`` and ``dangan audit review``: what inspectors ask of the audit stream."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import orjson
import typer
from rich.console import Console
from rich.table import Table

from ops.commands.audit_view import since_ms
from ops.config import load_settings
from ops.detect.seen import Seen
from ops.printable import plain
from schemas.principals import Grant
from streams.kafka import kafka_of

if TYPE_CHECKING:  # loaded by the commands that need them: verifying a file needs neither Kafka nor database
    from ops.audit_history import Step
    from ops.audit_review import Review
    from store.holds import Hold
    from store.shares import Shared

In = Annotated[
    list[Path] | None, typer.Option("--in", help="Exports to read instead of the topic; several by repeating.")
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Home = Annotated[Path | None, typer.Option(help="Folder of the installation.")]


def add(audit: typer.Typer) -> None:
    """Add the commands to ``dangan audit``."""
    audit.command()(history)
    audit.command()(review)


def history(
    record: Annotated[str, typer.Argument(help="The record's reference.")],
    *,
    files: In = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show everything that ever happened to a record: each step with its handler and its approver.

    The approver of a read is who gave the grant that it was made under.
    """
    from ops import audit_history  # noqa: PLC0415 - see above

    steps = audit_history.history(record, _events(files, home, lambda event: audit_history.concerns(record, event)))
    if as_json:
        _write({"record": record, "steps": [step.as_dict() for step in steps]})
        return
    table = Table("when", "stage", "what", "handler", "approvers", "fields, purpose, grant", "outcome", title=record)
    for step in steps:
        table.add_row(*map(plain, _cells(step)))
    console = Console()
    console.print(table)
    console.print(f"{len(steps) or 'no'} steps", highlight=False)


def _cells(step: Step) -> tuple[str, ...]:
    one = step.event
    what = " ".join(filter(None, (one.action, one.verb, f"(version {one.version})" if one.version else "")))
    about = "; ".join(filter(None, (", ".join(one.fields), one.purpose, one.grant)))
    outcome = "done" if one.allowed else f"refused {one.code}"
    return (_when(one.at_ms), step.stage, what, one.actor, ", ".join(step.approvers) or "-", about, outcome)


def review(
    *,
    since: Annotated[str, typer.Option(help="Reads from then on: 180d, an ISO time, or start.")] = "184d",
    files: In = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List every read without a valid application or outside its scope, and who was refused.

    Over the topic, grants are compared with the database too, and legal holds, recalls and returns that somebody took
    out of it are told; over exports (--in), with what the stream tells alone. Exit status 1 when there is either. The
    door log of the archive room is not in the system.
    """
    from ops import audit_review  # noqa: PLC0415 - see above
    from ops.audit_taken_out import taken_out  # noqa: PLC0415

    begin, now = since_ms(since, time.time()) or 0, int(time.time() * 1000)
    held = None if files else asyncio.run(_held(home))  # before the stream is read, which may take long
    events = _events(files, home, audit_review.concerns)
    done = audit_review.review(events, begin, held.grants if held else None)
    if held:
        done.taken_out = taken_out(events, held.holds, held.grants, held.shares, now_ms=now)
    if as_json:
        _write(done.as_dict())
    else:
        _show(done, Console())
    if done.misreads or done.taken_out:
        raise typer.Exit(1)


def _show(done: Review, console: Console) -> None:
    if done.misreads:
        table = Table("when", "who", "record", "grant", "why", "event", title="Reads without a valid application")
        for one, reason in done.misreads:
            cells = (_when(one.at_ms), one.actor, one.record, one.grant or "-", reason, one.uid)
            table.add_row(*map(plain, cells))
        console.print(table)
    if done.taken_out:
        table = Table("since", "what", "of", "who did it", "why", "event", title="Taken out of the database")
        for gone in done.taken_out:
            cells = (_when(gone.event.at_ms), gone.what, gone.name, gone.event.actor, gone.reason, gone.event.uid)
            table.add_row(*map(plain, cells))
        console.print(table)
        console.print("Report it as an incident, and sweep nothing before it is cleared up (docs/audit.md).")
    if done.attempts:
        table = Table("who", "code", "times", title="Refused")
        for attempt, count in done.attempts.most_common():
            table.add_row(*map(plain, (attempt.actor, attempt.code, count)))
        console.print(table)
    console.print(
        f"{done.reads} reads, {len(done.misreads) or 'none'} without a valid application; "
        f"{sum(done.attempts.values())} refused",
        highlight=False,
    )


def _events(files: list[Path] | None, home: Path | None, wanted: Callable[[Seen], bool]) -> Sequence[Seen]:
    from ops.detect.source import events_in, events_on_topic  # noqa: PLC0415 - see above

    if files:
        return events_in(files, wanted=wanted)
    return asyncio.run(events_on_topic(kafka_of(load_settings(home)), None, wanted=wanted))


class _Held(NamedTuple):
    """What the database holds."""

    grants: dict[str, Grant]
    holds: dict[str, Hold]
    shares: dict[str, Shared]


async def _held(home: Path | None) -> _Held:
    from store.database import connect  # noqa: PLC0415 - see above
    from store.holds import Holds  # noqa: PLC0415
    from store.principals import Grants  # noqa: PLC0415
    from store.shares import Shares  # noqa: PLC0415

    settings = load_settings(home)
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        return _Held(
            {grant.id: grant for grant in await Grants(database).all()},
            {hold.record: hold for hold in await Holds(database).all()},
            {share.grant: share async for share in Shares(database).all()},
        )


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _write(value: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.flush()
