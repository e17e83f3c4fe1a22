"""D1: a thousand records of a large store that fall due: found, forgotten, swept and certified, beside collecting.

The due records are those of one retention cohort as they come: collected one after the other, so that they share key
pages. Row F has the worst case, records chosen at random. The orders are signed by two people as real ones are.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Final

from benchmarks.bench import Bench
from benchmarks.collecting import collect, warm_up
from benchmarks.rows import Row, Side, Target
from benchmarks.sealed import chunks
from benchmarks.sweeping import full_rights
from benchmarks.worker import worker
from keys.ingest import create
from keys.ledger import Approver, Order, State
from keys.principal_keys import PrincipalKeys
from keys.vault import Transit
from ops.audited import desk
from ops.commands.approve import sign_approval
from ops.destruction import Destruction
from ops.retention import acts
from ops.rules import load_rules
from schemas.commands import Destroy
from schemas.members import MAX_COMMANDS
from store.database import Database, connect
from store.ingest_keys import IngestKeys
from store.ledger import Ledger
from store.retention import Expiries, Fact, RetentionFacts

_RUN: Final = 10_000
_DUE: Final = 100  # one record in so many
_PATIENCE_MS: Final = 60_000
_TEN_YEARS: Final = 10 * 366
_FACTS: Final = 500


async def destroy_rows(bench: Bench) -> AsyncIterator[list[Row]]:
    """Collect the store in runs and destroy a hundredth of it, once: both sides are long."""
    names: list[str] = []
    collecting = 0.0
    with worker(bench.scene.settings.home, "bench-due") as program:
        await warm_up(bench, program)
        for start in range(0, bench.plan.many, _RUN):
            run = await collect(bench, program, min(_RUN, bench.plan.many - start), 50)
            collecting += run.seconds
            names += [f"{run.prefix}-{at}" for at in range(run.records)]
        bench.say(f"collected {len(names):,} in {collecting:.1f} s")
    settings = bench.scene.settings
    uri = settings.mongo_uri.get_secret_value()
    async with (
        connect(uri, settings.mongo_database, timeout_ms=_PATIENCE_MS) as database,
        full_rights(bench) as transit,
    ):
        due = names[: len(names) // _DUE]
        steps = {"retention run": await _find_due(bench, database, due)}
        steps |= await _destroy(bench, database, transit, due)
    took = sum(steps.values())
    bench.say("destroyed " + f"{len(due):,} in {took:.1f} s: " + ", ".join(f"{k} {v:.1f}" for k, v in steps.items()))
    yield [
        Row("D1", f"{len(due):,} due of {len(names):,}: find, forget, sweep, certify", Side("destroy", "s", (took,)),
            Side(f"collect the same {len(names):,}", "s", (collecting,)), Target(0.10, 0.03, at_least=False),
            notes="One run of each side. Due together, as a cohort is.", more={"seconds": steps}),
    ]  # fmt: skip


async def _find_due(bench: Bench, database: Database, due: list[str]) -> float:
    """Seconds of the retention run on the day when the period of those records, and of no others, has ended.

    Their customers' business is over; the others' is not, so that nothing but the facts tells them apart.
    """
    rules = load_rules(profile=bench.scene.settings.profile)
    now, today = int(time.time()), date.today()  # noqa: DTZ011 - a day of the archive's own place
    ended = [Fact(f"p-{record}", "end_of_business", today, "bench", "sys:bench", now) for record in due]
    for part in chunks(ended, _FACTS):
        await RetentionFacts(database).put(part)
    async with desk(bench.scene.settings) as at:
        start = time.monotonic()
        await acts.run(at, rules, today=today + timedelta(days=_TEN_YEARS), now=now)
        took = time.monotonic() - start
    if {each.record async for each in Expiries(database).all()} != set(due):
        raise RuntimeError("the retention run listed other records")
    return took


async def _destroy(bench: Bench, database: Database, transit: Transit, due: list[str]) -> dict[str, float]:
    """What each part of the destruction took, in seconds."""
    steps: dict[str, float] = {}
    last = time.monotonic()

    def note(what: str) -> None:
        nonlocal last
        now = time.monotonic()
        steps[what] = steps.get(what, 0.0) + now - last
        last = now

    def progress(what: str, _done: int, _total: int | None) -> None:
        note(what.rsplit(": ", 1)[-1])

    now = int(time.time())
    orders = [_order(part, now) for part in chunks(due, MAX_COMMANDS)]
    work = Destruction(bench.scene.settings, database, transit)
    last = time.monotonic()
    for order in orders:
        await work.forgetter.forget(order.records, order, at=now)
    note("forget")
    keys = IngestKeys(database)
    retired = await keys.live_kids()
    await create(transit, keys, now=now, ttl=86400)
    await keys.retire(retired)
    note("ingest key")
    outcome = await work.sweep(drained=retired, on_progress=progress)
    note("certificates")
    certified = await Ledger(database).count(State.CERTIFIED)
    if certified != len(due) or len(outcome.certificates) != len(orders):
        raise RuntimeError(f"{certified} of {len(due)} records are certified")
    return steps


def _order(records: list[str], now: int) -> Order:
    people = [PrincipalKeys.generate(f"person:{name}") for name in ("one", "two")]
    request = Destroy(
        id=str(uuid.uuid4()), type="destroy", records=tuple(records), ground="expired", reason="due", approvals=()
    )
    approvals = tuple(sign_approval(request, "person:archivist", who, now=now) for who in people)
    approvers = tuple(Approver(who.principal, who.signing.x) for who in people)
    ground, reason = request.ground, request.reason
    return Order(request.id, "person:archivist", ground, approvals, now, reason, tuple(records), approvers)
