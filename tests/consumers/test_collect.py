"""Collection: what the rules allow, and what becomes of an id that is taken."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from consumers.collect import Collector, cohort, decide, settle
from schemas.errors import Refusal
from schemas.levels import Level
from store.identities import Identities
from store.record import Occupied
from tests.consumers.samples import NOW, RULES, collect, principal, received

CRM = principal("sys:crm", "collector")


def draft_of(command: Any, sender: Any = CRM) -> Any:
    return decide(received(command, sender), RULES)


def code_of(command: Any, sender: Any = CRM) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refusal:
        draft_of(command, sender)
    return refusal.value.code, refusal.value.field


def test_values_are_normalised_and_sorted_by_level() -> None:
    draft = draft_of(collect())
    assert draft.values[Level.SENSITIVE]["phone"] == b'"+8613800138000"'
    assert set(draft.values) == {Level.CORE, Level.SENSITIVE, Level.BASIC}
    assert draft.level is Level.CORE
    assert draft.indexed == {"phone": "+8613800138000", "id_number": "11010519491231002X"}


@pytest.mark.clause("COL-01", "COL-02")
def test_a_field_its_purpose_does_not_need_is_refused_and_named() -> None:
    command = collect(purpose="marketing", fields={"name": "张三", "id_number": "11010519491231002X"})
    assert code_of(command) == ("DG-COL-005", "id_number")


def test_an_unknown_field_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Refusal, match="phone") as refusal:
        draft_of(collect(fields={"phonee": "1"}))
    assert refusal.value.code == "DG-COL-001"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id_number", "110105194912310021"),
        ("phone", "12"),
        ("email", "nobody"),
        ("account_number", "4111111111111112"),
        ("birth_date", "1980-13-01"),
        ("gender", "unknown"),
        ("transaction_count", 1.5),
        ("transaction_count", True),
        ("last_transaction_amount", "NaN"),
        ("name", "  "),
    ],
)
def test_an_invalid_value_is_refused_without_being_repeated(name: str, value: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        draft_of(collect(fields={name: value}))
    assert (refusal.value.code, refusal.value.field) == ("DG-COL-002", name)
    assert str(value) not in str(refusal.value).replace(name, "")


def test_who_may_not_collect_is_refused() -> None:
    assert code_of(collect(), principal("sys:other", "reader"))[0] == "DG-CMD-004"
    assert code_of(collect(), principal("sys:crm", "collector", active=False))[0] == "DG-CMD-004"
    assert code_of(collect(), principal("sys:crm", "collector", "administrator"))[0] == "DG-CMD-004"


@pytest.mark.parametrize("reference", ["11010519491231002X", "13800138000", "4111111111111111"])
def test_a_reference_that_is_personal_data_is_refused(reference: str) -> None:
    assert code_of(collect(record=reference))[0] == "DG-COL-007"
    assert code_of(collect(subject=reference))[0] == "DG-COL-007"


def test_a_free_id_is_accepted() -> None:
    outcome = settle(draft_of(collect()), None)
    assert outcome.result.status == "accepted"
    assert outcome.facts[0].allowed


def test_a_redelivered_collect_gives_the_same_answer_and_the_same_event() -> None:
    draft = draft_of(collect())
    standing = Occupied(True, draft.received.command.id, "sys:crm", 1, NOW * 1000)
    assert settle(draft, standing) == settle(draft, None)


def test_the_same_command_published_again_is_a_duplicate() -> None:
    draft = draft_of(collect())
    standing = Occupied(True, draft.received.command.id, "sys:crm", 3, NOW * 1000 - 5)
    result = settle(draft, standing).result
    assert (result.status, result.code, result.version) == ("duplicate", "DG-CMD-002", 3)


def test_another_command_on_a_live_record_is_refused() -> None:
    standing = Occupied(True, "another", "sys:crm", 1, NOW * 1000)
    assert settle(draft_of(collect()), standing).result.code == "DG-COL-003"


def test_another_sender_with_the_same_command_id_is_refused() -> None:
    draft = draft_of(collect())
    standing = Occupied(True, draft.received.command.id, "sys:erp", 1, NOW * 1000)
    assert settle(draft, standing).result.code == "DG-COL-003"


def test_a_destroyed_record_is_never_created_again() -> None:
    standing = Occupied(False, None, None, 0, NOW * 1000)
    outcome = settle(draft_of(collect()), standing)
    assert outcome.result.code == "DG-COL-004"
    assert not outcome.facts[0].allowed


def test_cohorts_are_quarters_of_a_retention_class() -> None:
    assert cohort("customer", 1_798_761_600_000) == "customer/2027Q1"
    assert cohort("customer", 1_798_761_599_999) == "customer/2026Q4"


class Standing:
    """Records of which some ids are taken; nothing else is asked of it."""

    def __init__(self, **occupied: Occupied) -> None:
        self._occupied = {name.replace("_", "-"): standing for name, standing in occupied.items()}

    async def occupied(self, ids: Any) -> dict[str, Occupied]:
        return {one: self._occupied[one] for one in ids if one in self._occupied}

    async def insert(self, records: Any) -> dict[str, Occupied]:
        assert not records
        return {}


class NoKeys:
    """A ring and an index that have nothing to do."""

    async def tokens(self, values: Any) -> dict[str, list[bytes]]:
        return {}


async def test_what_was_stored_before_a_crash_stands_although_the_rules_have_changed() -> None:
    former = principal("sys:crm", "reader")
    mine, other = received(collect(record="rec-0001"), former), received(collect(record="rec-0002"), former)
    records = Standing(rec_0001=Occupied(True, mine.command.id, "sys:crm", 1, NOW * 1000))
    identities = Identities(defaultdict(lambda: None), records)  # type: ignore[arg-type]
    collector = Collector(records, identities, NoKeys(), NoKeys(), RULES, None, None, None)  # type: ignore[arg-type]
    stored, refused = await collector.apply([mine, other], NOW)
    assert (stored.result.status, refused.result.code) == ("accepted", "DG-CMD-004")
    assert stored.facts[0].allowed


def test_personal_references_are_found_before_anything_else() -> None:
    consent = {"reference": "13800138000", "text_sha256": "0" * 64, "given_at": "2026-01-01T00:00:00Z"}
    assert code_of(collect(record="13800138000", purpose="unknown"))[0] == "DG-COL-007"
    assert code_of(collect(consent=consent))[0] == "DG-COL-007"
