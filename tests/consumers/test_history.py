"""Reading what is not current: every version comes back as it was, for whom the grant says so, masked as ever."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from consumers.reading.grants import NamedGrants
from consumers.reading.history import NowOrPast, PastLease, PastReader, as_of, decide
from consumers.reading.purposes import Purposes
from consumers.received import Outcome
from schemas.commands import Access
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.principals import Grant, Principal
from tests.consumers.samples import RULES, access, grant, principal, received, update
from tests.consumers.test_propose import propose
from tests.simulators.attested import unsigned
from tests.simulators.corrections import EDITOR, Corrections

READER = principal("per:reader", "reader", kind="person")
NAMES = st.sampled_from(["city", "occupation", "email"])


class OneGrant:
    """The grant store, and the store of requests that were never seen before."""

    def __init__(self, held: Grant) -> None:
        self.held = held

    async def get(self, ids: set[str]) -> dict[str, Grant]:
        return {self.held.id: self.held} if self.held.id in ids else {}

    async def replayed(self, _seen: dict[str, str], *, now: float) -> set[str]:
        assert now
        return set()


async def read(at: Corrections, held: Grant, by: Principal = READER, **members: Any) -> Outcome:
    stores: Any = OneGrant(held)
    documents: Any = at.documents
    proposals: Any = at.proposals
    async with at.ring() as ring:
        purposes = Purposes(stores, RULES.book.reading)
        reader = PastReader(
            documents, proposals, NamedGrants(stores, RULES.book.use, unsigned()), stores, purposes, ring, RULES
        )
        (outcome,) = await reader.apply([received(access(**members), by)], 1_800_000_000)
    return outcome


@pytest.mark.clause("UPD-04")
@given(changes=st.lists(st.tuples(NAMES, st.none() | st.integers(0, 9)), max_size=8))
async def test_every_version_comes_back_as_it_was(changes: list[tuple[str, int | None]]) -> None:
    at = Corrections()
    await at.store("rec-0001", {"city": "Suzhou"})
    expected: list[dict[str, Any]] = [{"city": "Suzhou"}]
    for version, (name, number) in enumerate(changes, 1):
        value = None if number is None else f"box{number}@example.org" if name == "email" else f"place {number}"
        await at.apply(received(update(from_version=version, fields={name: value}), EDITOR))
        now = {**expected[-1], name: value}
        expected.append({each: kept for each, kept in now.items() if kept is not None})
    held = grant("per:reader", history=True, clear=frozenset("*"))
    for version, values in enumerate(expected, 1):
        shown = (await read(at, held, fields=["city", "occupation", "email"], version=version)).result
        assert (shown.version, shown.values) == (version, values)


async def story() -> Corrections:
    at = Corrections()
    await at.store("rec-0001", {"city": "Suzhou", "phone": "+8613800138000"})
    changed = update(fields={"phone": "13900139000", "city": "Wuxi"}, event="ownership")
    await at.apply(received(changed, EDITOR))
    return at


@pytest.mark.clause("UPD-04")
async def test_an_earlier_version_is_masked_and_audited_like_the_present() -> None:
    at = await story()
    outcome = await read(at, grant("per:reader", history=True), fields=["phone", "city"], version=1)
    values = outcome.result.values or {}
    assert "3800138" not in str(values["phone"])
    (event,) = outcome.facts
    assert (event.action, event.version, event.fields, event.grant) == ("access", 1, ("phone", "city"), "grant-1")


@pytest.mark.clause("UPD-04")
async def test_only_a_grant_for_history_shows_the_past() -> None:
    at = await story()
    for past in ({"version": 1}, {"versions": True}, {"proposal": str(uuid.uuid4())}):
        outcome = await read(at, grant("per:reader"), fields=["city"], **past)
        assert (outcome.result.code, outcome.result.values) == ("DG-COR-005", None)
        assert not outcome.facts[0].allowed
    held = grant("per:reader", history=True)
    narrow = replace(held, fields=frozenset({"city"}))
    assert (await read(at, narrow, fields=["phone"], version=1)).result.code == "DG-ACC-003"
    assert (await read(at, held, fields=["city"], version=3)).result.code == "DG-COR-006"
    assert (await read(at, held, record="rec-none", fields=["city"], version=1)).result.code == "DG-ACC-001"


@pytest.mark.clause("UPD-04")
async def test_the_list_of_versions_tells_reasons_only_where_all_is_clear() -> None:
    at = await story()
    held = grant("per:reader", history=True, clear=frozenset({"city"}))
    listed: Any = ((await read(at, held, fields=["city"], versions=True)).result.values or {})["_versions"]
    assert [entry["version"] for entry in listed] == [1, 2]
    assert (listed[1]["by"], listed[1]["fields"], listed[1]["event"]) == ("sys:crm", ["city"], "ownership")
    assert "reason" not in listed[1], "the reason may tell of the telephone number"
    clear = replace(held, clear=frozenset("*"))
    listed = ((await read(at, clear, fields=["city"], versions=True)).result.values or {})["_versions"]
    assert listed[1]["reason"] == "moved"
    other: Any = ((await read(at, clear, fields=["occupation"], versions=True)).result.values or {})["_versions"]
    assert [entry["version"] for entry in other] == [1], "changes of fields that were not asked for are not listed"


@pytest.mark.clause("UPD-04")
@given(
    granted=st.sets(st.sampled_from(["city", "phone", "*"])),
    clear=st.sets(st.sampled_from(["city", "phone", "*"])),
    clearance=st.sampled_from(Level),
)
async def test_a_reason_is_never_told_beyond_the_grant_or_the_clearance(
    granted: set[str], clear: set[str], clearance: Level
) -> None:
    at = await story()  # city and telephone number changed: the reason is sensitive, and may tell of both
    proposed = propose(fields={"phone": "13900139001", "city": "Nanjing"}, reason="rang from 13900139001")
    await at.apply(received(proposed, EDITOR))
    held = grant("per:reader", history=True, fields=frozenset({"city"} | granted), clear=frozenset(clear))
    reader = replace(READER, clearance=clearance)
    every = all("*" in names or {"city", "phone"} <= names for names in ({"city"} | granted, clear))
    listed: Any = await read(at, held, reader, fields=["city"], versions=True)
    shown = await read(at, held, reader, fields=["city"], proposal=proposed.id)
    told = every and clearance is not Level.BASIC
    assert ("reason" in listed.result.values["_versions"][1]) is told
    assert ("_reason" in (shown.result.values or {})) is told


def test_the_reason_for_a_merge_is_told_to_whom_everything_is_granted_and_clear() -> None:
    every, some = frozenset("*"), frozenset({"city"})
    lease = PastLease(("city",), every, Level.BASIC, granted=every, levels=frozenset(Level))
    assert lease.tells((), Level.CORE)
    assert not replace(lease, granted=some).tells((), Level.CORE)
    assert not replace(lease, clear=some).tells((), Level.CORE)
    assert not replace(lease, levels=frozenset({Level.BASIC})).tells((), Level.CORE)


async def test_withdrawn_and_unreviewed_records_have_no_readable_past_and_merged_ones_have() -> None:
    at = await story()
    held, plain = grant("per:reader", history=True), at.documents.records["rec-0001"]
    for changes, code in (
        ({"consent_state": "withdrawn"}, "DG-ACC-009"),
        ({"stage": "received"}, "DG-ACC-008"),
        ({"stage": "merged", "part_of": "rec-0002"}, None),
    ):
        at.documents.records["rec-0001"] = replace(plain, **changes)
        assert (await read(at, held, fields=["city"], version=1)).result.code == code


def test_decide_and_as_of_refuse_what_is_not_there() -> None:
    with pytest.raises(Refusal, match="DG-ACC-001"):
        decide(received(access(version=1), READER), None, RULES, 1_800_000_000)
    assert as_of.__doc__


async def test_the_present_and_the_past_go_to_their_readers_in_order() -> None:
    asked: list[str] = []

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        async def apply(self, batch: Any, now: float) -> list[Any]:
            assert now
            asked.append(self.name)
            return [f"{self.name} {each.command.id}" for each in batch]

    now, past = access(), access(version=1)
    both: Any = NowOrPast(Named("now"), Named("past"))  # type: ignore[arg-type]
    batch = [received(command, READER) for command in (now, past, past, now)]
    answers = await both.apply(batch, 1.0)
    assert answers == [f"now {now.id}", f"past {past.id}", f"past {past.id}", f"now {now.id}"]
    assert asked == ["now", "past", "now"]


@pytest.mark.parametrize("past", [{"version": 1, "versions": True}, {"version": 0}, {"proposal": "x"}])
def test_a_read_is_of_one_thing(past: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Access.model_validate(access().model_dump() | past)


@pytest.mark.clause("SEC-07", "UPD-04")
@given(st.lists(st.booleans(), max_size=4), st.booleans())
async def test_versions_name_no_part_and_no_merge_that_policies_keep_from_the_reader(
    secret: list[bool], gone: bool
) -> None:
    at = Corrections()
    names = [f"part-{number}" for number in range(len(secret))]
    for name, kept in zip(names, secret, strict=True):
        intake = {"assessment": {"risk_grade": "high"}} if kept else None
        await at.store(name, {"city": "Suzhou"}, intake=intake, part_of="rec-0001", stage="merged")
    lost = ["part-lost"] if gone else []  # destroyed since
    history = [
        {
            "version": version, "by": "per:keeper", "at": 1, "fields": {}, "evidence": None, "reason_level": "basic",
            "reason": b"", "link": {"kind": "merge", "with": name, "signed": []},
        }
        for version, name in enumerate([*names, *lost], 1)
    ]  # fmt: skip
    await at.store("rec-0001", {"city": "Wuxi"}, parts=(*names, *lost), history=history, version=len(history) + 1)
    outcome = await read(at, grant("per:reader", history=True), fields=["city"], versions=True)
    values: Any = outcome.result.values
    open_to_all = [name for name, kept in zip(names, secret, strict=True) if not kept]
    assert values.get("_parts", []) == open_to_all
    assert [entry["link"]["with"] for entry in values["_versions"][1:]] == open_to_all
    assert not any(name in str(values) for name in {*names, *lost} - set(open_to_all))
