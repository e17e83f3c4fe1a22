"""What may follow what in a register, and what never may."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.custody import MEDIA, METHODS, TERMINALS, methods_for
from schemas.errors import Refusal
from schemas.registers import MAX_STEPS, Entry, Lifecycle

NEW = {"location": "room-2", "responsible": "person:keeper", "condition": "intact"}
SAID: dict[str, dict[str, Any]] = {
    "move": {"location": "room-3"},
    "lend": {"borrower": "person:auditor", "due": "2026-02-01", "purpose": "audit-7"},
    "take_back": {"condition": "damaged"},
    "inspect": {"condition": "intact", "inspected_on": "2026-01-05"},
    "fault": {"reason": "unreadable"},
    "repair": {"condition": "intact"},
    "lose": {"reason": "moved-house"},
    "discard": {"reason": "worn"},
    "destroy": {"method": "shredded", "evidence": "p-9", "witness": "person:two", "destroyed_on": "2026-01-09"},
    "give_back": {"receiver": "partner-1", "evidence": "r-1"},
}
#: State -> what may be done there: written out by hand, not taken from the code.
MAY = {
    "in_store": {"move", "lend", "inspect", "fault", "lose", "discard", "destroy", "give_back"},
    "on_loan": {"take_back", "fault", "lose"},
    "faulty": {"move", "inspect", "repair", "lose", "discard", "destroy", "give_back"},
    "lost": {"take_back"},
    "discarded": {"destroy"},
    "destroyed": set(),
    "returned": set(),
}
WAYS: dict[str, list[str]] = {
    "in_store": [], "on_loan": ["lend"], "faulty": ["fault"], "lost": ["lose"], "discarded": ["discard"],
    "destroyed": ["destroy"], "returned": ["give_back"],
}  # fmt: skip


def medium(*verbs: str) -> Entry:
    entry = MEDIA.begin("box-17", "paper", NEW, by="person:one", at=1000)
    for verb in verbs:
        entry = MEDIA.follow(entry, verb, SAID[verb], by="person:one", at=entry.since + 10)
    return entry


@pytest.mark.clause("STO-12")
@pytest.mark.parametrize("state", MAY)
@pytest.mark.parametrize("verb", SAID)
def test_what_may_be_done_with_a_medium_depends_on_its_state(state: str, verb: str) -> None:
    entry = medium(*WAYS[state])
    assert entry.state == state
    if verb in MAY[state]:
        after = MEDIA.follow(entry, verb, SAID[verb], by="person:three", at=2000)
        assert after.steps[:-1] == entry.steps
        assert (after.steps[-1].verb, after.steps[-1].by, after.since) == (verb, "person:three", 2000)
    else:
        with pytest.raises(Refusal) as refused:
            MEDIA.follow(entry, verb, SAID[verb], by="person:three", at=2000)
        assert refused.value.code == "DG-REG-002"


@pytest.mark.clause("DES-12")
@pytest.mark.parametrize("missing", ["method", "evidence", "witness", "destroyed_on"])
def test_a_discarded_medium_is_not_closed_without_proof_of_its_end(missing: str) -> None:
    said = {name: value for name, value in SAID["destroy"].items() if name != missing}
    entry = medium("discard")
    with pytest.raises(Refusal) as refused:
        MEDIA.follow(entry, "destroy", said, by="person:one", at=2000)
    assert (refused.value.code, refused.value.field) == ("DG-REG-003", missing)
    assert not MEDIA.is_over(entry)
    assert MEDIA.is_over(MEDIA.follow(entry, "destroy", SAID["destroy"], by="person:one", at=2000))


@pytest.mark.clause("DES-12", "DES-08")
def test_nobody_is_his_own_witness() -> None:
    with pytest.raises(Refusal) as refused:
        MEDIA.follow(
            medium("discard"), "destroy", SAID["destroy"] | {"witness": "person:one"}, by="person:one", at=2000
        )
    assert refused.value.code == "DG-REG-004"


@pytest.mark.clause("DES-08")
def test_paper_is_never_wiped_nor_sold() -> None:
    assert methods_for("paper") == {"shredded", "burned", "firm"}
    assert "sold" not in METHODS
    with pytest.raises(Refusal):
        MEDIA.follow(medium(), "destroy", SAID["destroy"] | {"method": "sold"}, by="person:one", at=2000)


def test_the_same_step_again_is_the_same_entry() -> None:
    entry = medium("lend")
    assert MEDIA.follow(entry, "lend", SAID["lend"], by="person:one", at=9999) is entry


def test_what_is_not_asked_for_and_what_is_personal_is_refused() -> None:
    for said, code in (
        ({"location": "room-3", "colour": "red"}, "DG-REG-005"),
        ({"location": ""}, "DG-REG-005"),
        ({"location": "x" * 501}, "DG-REG-005"),
        ({"location": "13800138000"}, "DG-REG-007"),
        ({"location": ("a",) * 257}, "DG-REG-005"),
        ({}, "DG-REG-003"),
    ):
        with pytest.raises(Refusal) as refused:
            MEDIA.follow(medium(), "move", said, by="person:one", at=2000)  # type: ignore[arg-type]
        assert refused.value.code == code, said


def test_a_life_has_an_end() -> None:
    entry = medium()
    for number in range(MAX_STEPS - 1):
        entry = MEDIA.follow(entry, "move", {"location": f"room-{number}"}, by="person:one", at=2000)
    with pytest.raises(Refusal) as refused:
        MEDIA.follow(entry, "move", {"location": "room-x"}, by="person:one", at=2000)
    assert refused.value.code == "DG-REG-006"
    assert entry.version == MAX_STEPS


@given(
    st.sampled_from([MEDIA, TERMINALS]),
    st.lists(
        st.tuples(st.sampled_from(sorted({*SAID, "change", "retire"})), st.sampled_from(["p:1", "p:2"])), max_size=12
    ),
)
def test_no_order_of_steps_loses_one_or_leaves_an_end(of: Lifecycle, steps: list[tuple[str, str]]) -> None:
    first = NEW if of is MEDIA else {"zone": "desk", "shared": True, "responsible": "p:1"}
    more = SAID | {"change": {"shared": False}, "retire": {"reason": "old"}}
    entry = of.begin("x-1", "any", first, by="p:1", at=1)
    done = 1
    for at, (verb, by) in enumerate(steps, 2):
        over = of.is_over(entry)
        try:
            after = of.follow(entry, verb, more[verb], by=by, at=at)
        except Refusal:
            continue
        assert not over or after is entry
        done += after is not entry
        entry = after
    assert entry.version == done
    assert [step.at for step in entry.steps] == sorted(step.at for step in entry.steps)
