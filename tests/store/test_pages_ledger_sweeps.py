"""The stores in memory, which unit tests trust, and the collections in MongoDB answer alike, whatever is asked."""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from keys.ledger import REPLAYED, Approver, Entry, OldKey, Order, State, Traces
from keys.pages import Page
from keys.ports import KeyRef, Rewrap
from keys.sweep_state import CopyFile, Step, Sweep
from ops.embedded.stack import Stack
from schemas.certificate import RootEvidence
from schemas.errors import DanganError
from schemas.levels import Level
from store import ledger, pages, sweeps
from store.database import Database, connect
from store.holds import Hold, Holds, place
from store.record import Record
from store.records import Records
from tests.simulators.key_pages import SimulatedPages
from tests.simulators.store import SimulatedLedger, SimulatedRecords, SimulatedSweeps

pytestmark = pytest.mark.flow

ORDER = Order("command-1", "per:one", "expired", ("a.b.c",), 7, "why", ("rec-1",), (Approver("per:two", bytes(32)),))


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    name = f"t{uuid.uuid4().hex[:12]}"
    async with connect(stack.settings.mongo_uri.get_secret_value(), name) as opened:
        for module in (pages, ledger, sweeps):
            await module.ensure_indexes(opened)
        yield opened
        await opened.client.drop_database(name)


def some_page(chance: random.Random, name: str) -> Page:
    version = chance.randint(1, 4)
    return Page(
        name,
        chance.choice(list(Level)),
        "cohort",
        version,
        chance.randint(1, 3),
        chance.randint(1, 3),
        f"vault:v{version}:AA",
        bytes(sorted(chance.sample(range(256), 3))),
        chance.randbytes(124),
    )


async def ask_pages(store: Any, chance: random.Random) -> Any:  # noqa: PLR0911 - one for each question
    names = [f"p{number:02d}" for number in range(12)]
    match chance.randrange(8):
        case 0:
            held = await store.get(names)
            new = [some_page(chance, name) for name in names if name not in held and chance.random() < 0.4]
            return await store.insert(new)
        case 1:
            return await store.replace(some_page(chance, chance.choice(names)), if_version=chance.randint(1, 3))
        case 2:
            changes = [(some_page(chance, name), chance.randint(1, 3)) for name in chance.sample(names, 4)]
            return await store.replace_many(changes)
        case 3:
            return await store.rewrap(
                [
                    Rewrap(name, chance.randint(1, 4), "vault:v3:BB", chance.randint(1, 5))
                    for name in chance.sample(names, 6)
                ]
            )
        case 4:
            return await store.below(
                chance.choice(list(Level)), chance.randint(1, 5), after=chance.choice(["", "p03", "p07"]), limit=3
            )
        case 5:
            return await store.count_below(chance.choice(list(Level)), chance.randint(1, 5))
        case 6:
            return await store.delete(chance.sample(names, 3), root_version_below=chance.randint(1, 3))
        case _:
            return [page async for page in store.scan(chance.choice(list(Level)))]


async def ask_ledger(store: Any, chance: random.Random) -> Any:  # noqa: PLR0911 - one for each question
    names = chance.sample([f"rec-{number:02d}" for number in range(12)], 4)
    match chance.randrange(9):
        case 0:
            seen = Traces(
                frozenset({"dangan-core"}), (OldKey("dangan-core", "p", 3, 1, "vault:v1:A"),), frozenset({"k1"})
            )
            return await store.open([Entry(name, ORDER, traces=seen) for name in names])
        case 1:
            known = await store.get(names)
            more = Traces(frozenset({"dangan-basic"}), (OldKey("dangan-basic", "q", 4, 2, "vault:v2:A"),), frozenset())
            return await store.note(dict.fromkeys(known, more))
        case 2:
            return await store.forgotten(list(await store.get(names)), {"k2"}, at=chance.randint(1, 9))
        case 3:
            return await store.freeze(list(await store.get(names)), chance.choice(["t1", "t2"]))
        case 4:
            return await store.sweep_done(
                chance.choice(["dangan-core", "dangan-basic"]), chance.choice(["t1", "t2"]), "s"
            )
        case 5:
            forgotten = await store.in_state(State.FORGOTTEN, limit=1)
            swept = forgotten[0].swept if forgotten else {}
            return await store.certified([entry.record for entry in forgotten], "serial", swept)
        case 6:
            return await store.in_state(chance.choice(list(State)), after=chance.choice(["", "rec-05"]), limit=3)
        case 7:
            return await store.standing(chance.choice(list(State)), after=chance.choice(["", "rec-05"]), limit=3)
        case _:
            return await store.get(names)


async def same_answers(ask: Any, ours: Any, theirs: Any, steps: int = 150) -> None:
    for seed in range(steps):
        answers = [await ask(store, random.Random(seed)) for store in (ours, theirs)]
        assert answers[0] == answers[1], f"step {seed}"


async def test_pages(database: Database) -> None:
    await same_answers(ask_pages, SimulatedPages(), pages.Pages(database))


async def test_ledger(database: Database) -> None:
    # one freezing tag serves one sweep; here they are used again and again, so each walk ends before that differs
    await same_answers(ask_ledger, SimulatedLedger(), ledger.Ledger(database), steps=60)


async def test_sweeps(database: Database) -> None:
    first = Sweep("dangan-core", "s1", 1, "one", 100, 50)
    later = replace(first, epoch=2, step=Step.COPIED, copies=(CopyFile("east", "f", "ab" * 32, 3),), vault_copy="raft")
    evidence = RootEvidence(
        root="dangan-core",
        sweep="s1",
        before=1,
        after=2,
        min_available=2,
        lowering_refused="no",
        trimmed_at=5,
        copies=(),
        vault_copy=None,
    )
    for store in (SimulatedSweeps(), sweeps.Sweeps(database)):
        assert await store.get("dangan-core") is None
        assert await store.insert(first)
        assert not await store.insert(first)
        assert not await store.swap(later, if_epoch=2)
        assert await store.get("dangan-core") == first
        assert await store.swap(later, if_epoch=1)
        assert await store.get("dangan-core") == later
        await store.keep(evidence)
        await store.keep(evidence)
        assert await store.evidence(["s1", "s2"]) == {"s1": evidence}


async def test_erasing_needs_the_keys_that_were_removed(database: Database) -> None:
    refs = {Level.CORE: KeyRef("p", 1)}
    more = {**refs, Level.BASIC: KeyRef("q", 2)}
    real, simulated = Records(database), SimulatedRecords()
    for name in ("rec-1", "rec-2"):
        record = Record(name, "sub", 1, Level.CORE, "c", "p", "b", {}, more, "cmd", "sys", ("k",), 1)
        assert not await real.insert([record])
        assert await simulated.insert(name, more, "k")
    for store in (real, simulated):
        assert await store.erase_many({"rec-1": refs, "rec-2": more, "rec-3": None}, at=1) == {"rec-2", "rec-3"}
        assert await store.erase_many({"rec-1": None}, at=1) == set()
        assert await store.keys_of(["rec-1", "rec-2", "rec-3"]) == {"rec-1": more}
        assert await store.pages_in_use(["p", "q", "z"]) == {"p", "q"}


async def test_the_index_entry_of_a_record_goes_with_it(database: Database) -> None:
    """It says of which household and customer the record was, in clear."""
    await database["archive_index"].insert_many([{"_id": f"rec-{at}", "household": "b1/3/u2"} for at in (1, 2)])
    refs, store = {Level.CORE: KeyRef("p", 1)}, Records(database)
    assert not await store.insert(
        [Record("rec-1", "sub", 1, Level.CORE, "c", "p", "b", {}, refs, "cmd", "s", ("k",), 1)]
    )
    assert await store.erase_many({"rec-1": refs}, at=1) == {"rec-1"}
    assert [doc["_id"] async for doc in database["archive_index"].find({})] == ["rec-2"]


async def test_certificates_are_kept_once(database: Database) -> None:
    store = sweeps.Certificates(database)
    assert await store.put("one", "first", ["rec-1", "rec-2"]) == "first"
    assert await store.put("one", "second", ["rec-1", "rec-2"]) == "first"
    assert await store.of_record("rec-2") == ["first"]
    assert await store.of_record("rec-3") == []


async def test_an_order_is_begun_or_withdrawn_and_never_both(database: Database) -> None:
    other = replace(ORDER, requester="per:other")
    for store in (SimulatedLedger(), ledger.Ledger(database)):
        names = [f"{type(store).__name__}-{at}" for at in range(3)]
        assert await store.open([Entry(name, ORDER) for name in names[:2]]) == set()
        assert await store.open([Entry(names[2], other)]) == set()
        assert not await store.begin(names[0], other)
        assert await store.withdraw(names[0], names, ORDER)
        assert await store.withdraw(names[0], names, ORDER)
        assert not await store.begin(names[0], ORDER)
        assert set(await store.get(names)) == {names[2]}
        assert await store.begin(names[2], other)
        assert await store.begin(names[2], other)
        assert not await store.withdraw(names[2], names, other)
        assert set(await store.get(names)) == {names[2]}


async def test_no_hold_is_placed_where_destruction_has_begun(database: Database) -> None:
    hold = Hold("rec-held", "court", "ref-1", None)
    await place(database, hold)
    await ledger.Ledger(database).open([Entry("rec-held", ORDER), Entry("rec-gone", ORDER)])
    for late in (replace(hold, holder="other"), replace(hold, record="rec-gone")):
        with pytest.raises(DanganError, match="DG-DES-007"):
            await place(database, late)
    assert await Holds(database).get("rec-held") == hold
    assert await Holds(database).get("rec-gone") is None


async def test_what_waits_for_no_certificate_is_not_the_oldest_that_waits(database: Database) -> None:
    store = ledger.Ledger(database)
    replayed = replace(ORDER, command="audit-replay", ground=REPLAYED)
    await store.open([Entry("rec-1", replayed)])
    assert await store.oldest(State.PENDING) == ORDER.at  # this one still waits to be forgotten
    await store.open([Entry("rec-2", ORDER)])
    await store.forgotten(["rec-1"], [], at=100)
    assert await store.oldest(State.FORGOTTEN) is None
    await store.forgotten(["rec-2"], [], at=200)
    assert await store.oldest(State.FORGOTTEN) == 200


async def test_entries_of_several_orders_keep_their_own(database: Database) -> None:
    store = ledger.Ledger(database)
    other = replace(ORDER, command="c-other", reason="another")
    await store.open([Entry(f"rec-{at}", (ORDER, other)[at % 2]) for at in range(6)])
    found = await store.in_state(State.PENDING, limit=10)
    assert [entry.order for entry in found] == [ORDER, other] * 3
