"""Proposals of destroyed records, erased while others still write to them; no server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from schemas.levels import Level
from store.proposals import Claim, Proposal, Proposals
from tests.simulators.attachments import GatedCollection
from tests.simulators.store import Schedule

CLAIM = Claim("decide-1", "per:keeper")
REJECTION = Claim("decide-2", "per:keeper", reason=b"sealed reason")
PROPOSAL = Proposal(
    "p-1", "rec-1", "per:clerk", 1, 1, "call-5", by_subject=False, levels={"city": Level.BASIC}, ingest_key="kid",
    values={"city": b"sealed"}, reason=b"sealed",
)  # fmt: skip


def erased_beside(others: Callable[[Proposals], Any], ahead: int, *, claimed: bool) -> Proposal:
    """What is left where somebody erases, ``ahead`` calls of it come first, then what others do, then its rest."""
    schedule = Schedule()
    try:
        database: Any = defaultdict(lambda: GatedCollection(schedule.gate))
        proposals = Proposals(database)

        def run(work: Any) -> Any:
            return schedule.finish(schedule.start(work))

        assert run(proposals.add(PROPOSAL))
        assert not claimed or run(proposals.claim("p-1", CLAIM))
        eraser = schedule.start(proposals.erase(["rec-1"]))
        for _ in range(ahead):
            schedule.step(eraser)
        run(others(proposals))
        schedule.finish(eraser)
        left: Proposal = run(proposals.get("p-1"))
        return left
    finally:
        schedule.close()


@pytest.mark.clause("DES-02")
@pytest.mark.parametrize("ahead", range(4))
def test_a_claim_that_is_released_meanwhile_stops_no_destruction(ahead: int) -> None:
    left = erased_beside(lambda proposals: proposals.release("p-1", CLAIM), ahead, claimed=True)
    assert (left.state, left.values, left.reason, left.claim) == ("open", None, None, None)


@pytest.mark.clause("DES-02")
@pytest.mark.parametrize("ahead", range(2))
def test_a_rejection_that_comes_before_the_last_look_leaves_no_reason(ahead: int) -> None:
    left = erased_beside(lambda proposals: proposals.reject("p-1", REJECTION), ahead, claimed=False)
    assert (left.state, left.values, left.reason) == ("rejected", None, None)
    assert left.claim is not None
    assert left.claim.reason is None
