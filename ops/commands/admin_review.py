"""``dangan admin review``: permissions that are due, unused or too wide, and the signature that renews them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from keys.principal_keys import PrincipalKeys
from ops.audited import Desk, desk
from ops.commands.admin_acts import Home, day, now
from ops.commands.inspect_runs import Language, Organisation, To
from ops.commands.keys import PassphraseFile, read_key_file
from ops.commands.register_reports import show_register
from ops.config import load_settings
from ops.detect.seen import Seen
from ops.detect.source import events_on_topic
from ops.operators import operator_of
from ops.people import review
from ops.people.permissions import people_rules
from ops.people.review import Line
from ops.printable import plain
from ops.reports.register import PERMISSIONS
from schemas.errors import DanganError
from schemas.rule_tables.people import People
from schemas.staff import PermissionReview
from store.principals import Principals
from streams.kafka import kafka_of

_DAY_MS: Final = 86_400_000
_SHORTEST_DAYS: Final = 31
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def list_(
    everything: Annotated[bool, typer.Option("--all", help="Also those that nothing stands out about.")] = False,
    as_json: Json = False,
    report: To = None,
    language: Language = None,
    organisation: Organisation = "",
    home: Home = None,
) -> None:
    """Show permissions that are due for review, lapsed, unused, or wider than the role's template."""
    settings = load_settings(home)

    async def run() -> list[Line]:
        async with desk(settings) as at:
            return await _lines(at, people_rules(settings))

    found = [line for line in asyncio.run(run()) if everything or line.reasons]
    if as_json:
        typer.echo(json.dumps([line.as_dict() for line in found], indent=1))
        return
    show_register(PERMISSIONS, [_cells(line) for line in found], report, language, organisation)


def _cells(line: Line) -> dict[str, str]:
    one = line.principal
    return {
        "principal": one.id,
        "roles": ", ".join(sorted(one.roles)),
        "department": one.department,
        "clearance": one.clearance,
        "last used": day(line.last_used) if line.last_used is not None else "not within the period",
        "lapses": day(one.lapses_at) if one.lapses_at is not None else "never",
        "why": ", ".join(line.reasons) or "-",
    }


def sign(
    key: Annotated[Path, typer.Option(help="Your key file: that of a reviewing post (setting people.reviewers).")],
    principal: Annotated[list[str] | None, typer.Option(help="Only these; everybody by default; repeatable.")] = None,
    end: Annotated[list[str] | None, typer.Option(help="Whose permissions end with this review; repeatable.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Show what would be renewed and what would lapse.")] = False,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
) -> None:
    """Sign the review: what was used holds for another period, what was not used lapses now.

    Look at dangan admin review list --all first. Your own permissions are reviewed by somebody else.
    """
    keys = read_key_file(key, passphrase_file)
    settings = load_settings(home)
    people = people_rules(settings)

    async def run() -> PermissionReview | list[Line]:
        async with desk(settings) as at:
            operator = await operator_of(at, keys, now=now(), roles=people.reviewers, people=people)
            chosen = _chosen(await _lines(at, people), keys, principal, end)
            if dry_run:
                return chosen
            return await review.sign(replace(at, operator=operator), chosen, keys, people, now=now(), end=end or ())

    done = asyncio.run(run())
    if isinstance(done, PermissionReview):
        Console().print(plain(f"reviewed: {len(done.renewed)} renewed, {len(done.ended)} ended"))
        return
    for line in done:
        ends = line.unused or line.principal.id in (end or ())
        Console().print(plain(f"{line.principal.id}: {'would end' if ends else 'would be renewed'}"))


#: ``dangan admin review``: what it is called, what runs.
COMMANDS: Final = (("list", list_), ("sign", sign))


def _chosen(found: list[Line], keys: PrincipalKeys, only: list[str] | None, end: list[str] | None) -> list[Line]:
    known = {line.principal.id for line in found}
    if unknown := sorted({*(only or ()), *(end or ())} - known):
        raise DanganError("DG-OPS-031", detail=", ".join(unknown))
    wanted = {*only, *(end or ())} if only else known - {keys.principal}
    return [line for line in found if line.principal.id in wanted]


async def _lines(at: Desk, people: People) -> list[Line]:
    since = now() * 1000 - max(people.unused_days, _SHORTEST_DAYS) * _DAY_MS
    used: dict[str, int] = {}

    def note(event: Seen) -> bool:
        if event.allowed:
            used[event.actor] = max(used.get(event.actor, 0), event.at_ms // 1000)
        return False  # nothing of it is kept: a quarter's events are many

    await events_on_topic(kafka_of(at.settings), since, note)
    return review.lines(await Principals(at.database).registrations(), used, people, now())
