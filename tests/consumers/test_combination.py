"""ARR-04 in answers and records: a general field asked for together with a sensitive one is handled as sensitive."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers import collect as collecting
from consumers.reading.access import decide
from consumers.reading.leases import Lease
from consumers.reading.opening import Opening
from consumers.reading.parts import sources
from keys.cipher import FieldCipher
from keys.ports import KeyRef
from schemas.errors import Refusal
from schemas.levels import Level, highest
from schemas.rulebook import Sensitivity
from store.record import Record
from tests.consumers.samples import NOW, RULES, access, collect, grant, principal, received

FIELDS = ("city", "occupation", "transaction_count", "name", "phone", "id_number")
NAMES = st.lists(st.sampled_from(FIELDS), min_size=1, max_size=6, unique=True)
DEKS = {level: bytes([level.rank + 1]) * 32 for level in Level}
VALUE = "0123456789abcdef"


def level_of(name: str) -> Level:
    return RULES.catalogue.field(name).level


def record(fields: tuple[str, ...] = FIELDS, **changes: Any) -> Record:
    sealed = {
        name: FieldCipher(DEKS[level_of(name)], "rec-0001", level_of(name)).seal(name, 1, orjson.dumps(VALUE))
        for name in fields
    }
    made = Record(
        id="rec-0001", subject="sub-0001", version=1, level=Level.CORE, cohort="c", purpose="account_service",
        legal_basis="contract", fields=sealed, keys={level: KeyRef("p", 0) for level in Level}, command="c-1",
        sender="sys:crm", ingest_keys=("k",), at_ms=1,
    )  # fmt: skip
    return replace(made, **changes)


def answer(names: list[str], clear: frozenset[str], held: Record, **rules: Any) -> dict[str, object]:
    opening = Opening(None, RULES.catalogue, Sensitivity(**rules))  # type: ignore[arg-type] # keys are given below
    lease = Lease(tuple(names), clear, highest({level_of(name) for name in names}))
    return opening.shown(lease, held, sources(held, lease.fields, {}), {held.id: DEKS}).values


@pytest.mark.clause("ARR-04")
@given(NAMES, st.sampled_from(Level))
def test_one_field_above_the_readers_clearance_closes_the_whole_answer(names: list[str], clearance: Level) -> None:
    clerk = principal("sys:desk", "reader", clearance=clearance)
    asked = received(access(fields=names), clerk)
    needed = max(level_of(name).rank for name in names)
    try:
        lease = decide(asked, record(), grant(clerk.id), RULES.catalogue, RULES.authorizer, NOW)
    except Refusal as refusal:
        assert (refusal.code, clearance.rank < needed) == ("DG-CMD-004", True)
    else:
        assert lease.level.rank == needed <= clearance.rank


@pytest.mark.clause("ARR-04")
@given(NAMES, st.sets(st.sampled_from(FIELDS)).map(frozenset))
def test_nothing_of_an_answer_with_sensitive_fields_is_shown_whole_without_leave(
    names: list[str], clear: frozenset[str]
) -> None:
    values = answer(names, clear, record())
    general = all(level_of(name) is Level.BASIC for name in names)
    for name in names:
        assert (values[name] == VALUE) == (name in clear or general)


@pytest.mark.clause("ARR-04")
def test_a_field_that_the_record_lacks_does_not_count() -> None:
    assert answer(["city", "name"], frozenset(), record(("city",))) == {"city": VALUE}


def test_an_organisations_general_fields_stay_as_they_are() -> None:
    of_organisation = record(intake={"customer": {"type": "organisation"}})
    assert answer(["city", "name"], frozenset(), of_organisation)["city"] == VALUE
    assert answer(["city", "name"], frozenset(), record(), combine=False)["city"] == VALUE


@pytest.mark.clause("ARR-04")
@given(NAMES)
def test_a_record_is_as_sensitive_as_its_most_sensitive_field(names: list[str]) -> None:
    good = {"city": "Suzhou", "occupation": "cook", "transaction_count": 3, "name": "张三", "phone": "13800138000",
            "id_number": "11010519491231002X"}  # fmt: skip
    sent = received(collect(fields={name: good[name] for name in names}), principal("sys:crm", "collector"))
    assert collecting.decide(sent, RULES).level.rank == max(level_of(name).rank for name in names)
