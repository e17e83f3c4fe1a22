"""What somebody took out of the database: the audit stream says that it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from ops.audit_review import concerns
from ops.audit_taken_out import SETTLED_MS, taken_out
from ops.detect.seen import Seen
from ops.restored_holds import HOLDER, REFERENCE
from schemas.digests import stored_digest
from schemas.levels import Level
from schemas.principals import Grant
from store.holds import Hold, hold_document
from store.shares import Recall, Shared
from tests.consumers.samples import grant
from tests.ops.detect_events import DAY, HOUR, MORNING, event

HOLD: Final = Hold("rec-1", "court-7", "case-2026-12", None)
OTHER: Final = replace(HOLD, until=1)
GRANT: Final = grant("per:reader")


def held(verb: str, at_ms: int = MORNING, hold: Hold = HOLD, **more: Any) -> Seen:
    said = {"action": "hold", "verb": verb, "record": hold.record, "digest": stored_digest(hold_document(hold))}
    return event(f"{verb}-{at_ms}", at_ms, **said | more)


def ended(action: str, verb: str) -> Seen:
    return event(verb, MORNING, action=action, verb=verb, record="", grant=GRANT.id)


def found(
    *events: Seen, holds: tuple[Hold, ...] = (), grants: tuple[Grant, ...] = (), shares: tuple[Shared, ...] = ()
) -> list[tuple[str, str, str]]:
    assert all(concerns(each) for each in events)
    by_record, by_id = {each.record: each for each in holds}, {each.id: each for each in grants}
    gone = taken_out(events, by_record, by_id, {each.grant: each for each in shares}, now_ms=MORNING + DAY)
    return [(one.what, one.name, one.reason) for one in gone]


@pytest.mark.clause("AUD-08")
def test_a_hold_that_was_placed_and_not_lifted_has_to_stand() -> None:
    assert found(held("place"), holds=(HOLD,)) == []
    assert found(held("place")) == [("hold", "rec-1", "placed and never lifted, but not in the database")]
    assert found(held("place"), held("replace", MORNING + 1, OTHER)) != []
    assert found(held("place"), held("lift", MORNING + 1)) == []
    assert found(held("place"), held("lift", MORNING + 1), held("place", MORNING + HOUR)) != []


@pytest.mark.clause("AUD-08")
def test_another_hold_in_its_place_is_told_but_one_restored_from_this_stream_is_not() -> None:
    shorter = [("hold", "rec-1", "the hold in the database is not the one that was placed")]
    assert found(held("place"), holds=(OTHER,)) == shorter
    assert found(held("place"), held("replace", MORNING + 1, OTHER), holds=(OTHER,)) == []
    assert found(held("place"), holds=(Hold("rec-1", HOLDER, REFERENCE, None),)) == []
    for ended_at in (0, 1):  # a restored one has no end
        assert found(held("place"), holds=(Hold("rec-1", HOLDER, REFERENCE, ended_at),)) == shorter


@pytest.mark.clause("AUD-08")
def test_a_recall_and_a_return_have_to_stand() -> None:
    recall, back = ended("recall", "recall"), ended("use", "give_back")
    assert found(recall, grants=(GRANT,)) == [("recall", "grant-1", "recalled, but not so in the database")]
    assert found(back, grants=(GRANT,)) == [("return", "grant-1", "given back, but not so in the database")]
    assert found(recall, back, grants=(replace(GRANT, recalled_at=1, returned_at=1),)) == []
    assert found(recall, back) == []  # there is nothing to read under


def test_what_is_being_done_at_the_moment_or_was_refused_is_no_finding() -> None:
    now = MORNING + SETTLED_MS
    assert taken_out([held("place")], {}, {}, {}, now_ms=now) == []
    assert taken_out([held("place")], {}, {}, {}, now_ms=now + 1) != []
    refused = held("place", allowed=False)
    assert not concerns(refused)
    assert taken_out([refused], {}, {}, {}, now_ms=MORNING + DAY) == []


@pytest.mark.clause("SHR-10")
def test_a_recall_of_a_share_has_to_stand() -> None:
    share = Shared("s-1", "per:a", "retail", MORNING, "d", {"ask": []}, Level.BASIC, (), MORNING)
    told = event("e", MORNING, action="share", verb="recall", grant="share:s-1", record="")
    wanted = [("recall of a share", "share:s-1", "recalled, but not so in the database")]
    assert found(told, shares=(share,)) == wanted
    assert found(told, shares=(replace(share, recall=Recall(1, "over", "c", "per:a")),)) == []
    assert found(told) == []
