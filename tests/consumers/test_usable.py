"""What is not an archive yet is read by reviewers only; what somebody objects to, by nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from consumers.reading.access import decide
from consumers.reading.parts import sources
from schemas.errors import Refusal
from schemas.levels import Level
from store.record import Record, Stage
from tests.consumers.samples import NOW, RULES, access, grant, principal, received
from tests.consumers.test_access import RECORD


def code(record: Record, *roles: str, **changes: Any) -> str | None:
    who = principal("per:r", "reader", *roles, kind="person", **changes)
    try:
        decide(received(access(), who), record, grant(who.id), RULES.catalogue, RULES.authorizer, NOW)
    except Refusal as refusal:
        return refusal.code
    return None


@pytest.mark.clause("COL-10", "COL-11")
@pytest.mark.parametrize("stage", sorted(set(get_args(Stage)) - {"archived"}))
def test_until_it_is_archived_only_reviewers_and_archivists_read(stage: Stage) -> None:
    record = replace(RECORD, stage=stage)
    assert code(record) == code(record, "collector", "editor", "deliverer") == "DG-ACC-008"
    assert code(record, "reviewer") is None
    assert code(record, "archivist") is None
    assert code(record, "reviewer", clearance=Level.BASIC) == "DG-CMD-004"
    assert code(replace(record, stage="archived")) is None


@pytest.mark.clause("COL-07")
def test_an_objection_blocks_use_for_everybody() -> None:
    for stage in get_args(Stage):
        record = replace(RECORD, stage=stage, objected=True)
        assert code(record, "reviewer", "archivist") == "DG-ACC-010"
    assert code(replace(RECORD, objected=True)) == "DG-ACC-010"
    assert code(RECORD) is None


def test_a_grant_comes_first_so_nobody_else_learns_the_stage() -> None:
    who = principal("per:r", "reader", kind="person")
    for record in (RECORD, replace(RECORD, stage="received"), replace(RECORD, objected=True)):
        with pytest.raises(Refusal) as refusal:
            decide(received(access(), who), record, None, RULES.catalogue, RULES.authorizer, NOW)
        assert refusal.value.code == "DG-ACC-001"


@pytest.mark.clause("COL-07")
def test_a_part_that_somebody_objects_to_is_not_read_through_its_archive() -> None:
    part = replace(RECORD, id="rec-0002", part_of="rec-0001", stage="merged", fields={"city": b""})
    archive = replace(RECORD, parts=("rec-0002",))
    assert sources(archive, ("city", "name"), {"rec-0002": part}) == {"city": part, "name": archive}
    assert sources(archive, ("city", "name"), {"rec-0002": replace(part, objected=True)}) == {"name": archive}
