"""Use: every way a read can be outside its grant, and what a refusal gives away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consumers.reading.access import Reader, decide
from consumers.reading.grants import NamedGrants
from consumers.reading.purposes import Purposes
from consumers.reading.shelf import Shelf
from keys.ports import KeyRef
from schemas.errors import DanganError, Refusal
from schemas.levels import Level
from store.record import Record
from tests.consumers.samples import NOW, RULES, access, grant, principal, received
from tests.simulators.attested import unsigned

CLERK = principal("per:clerk-7", "reader", kind="person")
RECORD = Record(
    id="rec-0001", subject="sub-0001", version=1, level=Level.CORE, cohort="c", purpose="account_service",
    legal_basis="contract", fields={"name": b"", "phone": b""}, keys={Level.SENSITIVE: KeyRef("p", 1)}, command="x", sender="sys:crm",
    ingest_keys=(), at_ms=0,
)  # fmt: skip


def lease(command: Any, held: Any, *, sender: Any = CLERK, record: Record | None = RECORD, now: float = NOW) -> Any:
    return decide(received(command, sender), record, held, RULES.catalogue, RULES.authorizer, now)


def code(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        lease(*args, **kwargs)
    return refusal.value.code


def test_a_granted_read_names_its_fields_and_their_highest_level() -> None:
    given = lease(access(fields=["city", "name", "city"]), grant(CLERK.id, clear=frozenset({"name"})))
    assert given.fields == ("city", "name")
    assert given.clear == {"name"}
    assert given.level is Level.SENSITIVE


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (None, "DG-ACC-001"),
        (grant("per:somebody-else"), "DG-ACC-001"),
        (grant(CLERK.id, records=frozenset({"rec-0002"})), "DG-ACC-001"),
        (grant(CLERK.id, not_after=NOW), "DG-ACC-002"),
        (grant(CLERK.id, not_before=NOW + 1), "DG-ACC-002"),
        (grant(CLERK.id, recalled_at=NOW), "DG-ACC-002"),
        (grant(CLERK.id, purpose="marketing"), "DG-ACC-004"),
        (grant(CLERK.id, fields=frozenset({"name"})), "DG-ACC-003"),
    ],
)
@pytest.mark.clause("USE-01")
def test_outside_the_grant_nothing_is_read(held: Any, expected: str) -> None:
    assert code(access(), held) == expected


def test_policies_stand_above_grants() -> None:
    low = replace(CLERK, clearance=Level.BASIC)
    assert code(access(), grant(CLERK.id), sender=low) == "DG-CMD-004"
    nobody = replace(CLERK, roles=frozenset())
    assert code(access(), grant(CLERK.id), sender=nobody) == "DG-CMD-004"


def test_who_has_no_grant_cannot_tell_whether_a_record_exists() -> None:
    for held in (None, grant(CLERK.id, records=frozenset({"rec-0002"}))):
        assert code(access(), held, record=None) == code(access(), held, record=RECORD)


def test_a_reader_without_a_receiving_key_gets_nothing() -> None:
    assert code(access(), grant(CLERK.id), sender=replace(CLERK, receiving_keys=())) == "DG-ACC-006"


def test_who_may_read_a_record_is_told_that_it_is_gone() -> None:
    assert code(access(), grant(CLERK.id), record=None) == "DG-ACC-007"


def test_the_purpose_bounds_what_may_be_read() -> None:
    marketing = grant(CLERK.id, purpose="marketing")
    assert code(access(purpose="marketing", fields=["id_number"]), marketing) == "DG-COL-005"
    assert code(access(purpose="gossip"), grant(CLERK.id, purpose="gossip")) == "DG-COL-006"
    assert code(access(grant="13800138000"), None) == "DG-COL-007"


class Shelves:
    """Records, grants, requests and a ring for one record."""

    def __init__(self, seen_before: frozenset[str] = frozenset()) -> None:
        self.seen_before = seen_before

    async def replayed(self, seen: Any, *, now: float) -> set[str]:
        return set(seen) & self.seen_before

    async def get(self, _grants: Any) -> dict[str, Any]:
        return {"grant-1": grant(CLERK.id)}

    async def fetch(self, ids: Any, _levels: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"rec-0001": RECORD} if "rec-0001" in ids else {}, {}

    async def open_with(self, _pages: Any, refs: Any) -> dict[str, Any]:
        return {record: DanganError("DG-KEY-005") if needed else {} for record, needed in refs.items()}


async def apply(*batch: Any, seen_before: frozenset[str] = frozenset()) -> list[Any]:
    shelves = Shelves(seen_before)
    shelf = Shelf(shelves, Purposes(shelves, RULES.book.reading), shelves, RULES)  # type: ignore[arg-type]
    reader = Reader(shelves, NamedGrants(shelves, RULES.book.use, unsigned()), shelves, shelf, RULES)  # type: ignore[arg-type]
    return [outcome.result.code for outcome in await reader.apply(batch, NOW)]


async def test_an_id_used_twice_in_one_batch_is_answered_once() -> None:
    first, wider = access(record="rec-0001", fields=["city"]), access(fields=["city", "id_number"])
    same_id = wider.model_copy(update={"id": first.id})
    codes = await apply(received(first, CLERK), received(same_id, CLERK, offset=8))
    assert codes == [None, "DG-CMD-003"]


async def test_a_replay_of_a_personal_reference_is_not_repeated_in_the_event() -> None:
    personal = access(record="13800138000")
    assert await apply(received(personal, CLERK), seen_before=frozenset({personal.id})) == ["DG-COL-007"]
    plain = access()
    assert await apply(received(plain, CLERK), seen_before=frozenset({plain.id})) == ["DG-CMD-003"]
