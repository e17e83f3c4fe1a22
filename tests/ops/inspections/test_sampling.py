"""A sample that nobody can choose and everybody can check; steps that must have left a record (AUD-07)."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.detect.seen import Seen
from ops.inspections import sampling
from ops.inspections.samples import check_files, expected_steps, steps_in
from ops.rules import load_rules
from schemas.errors import DanganError

SEED = bytes(range(32))
IDS = st.lists(st.text("abc0123456789:-", min_size=1, max_size=12), min_size=1, max_size=60, unique=True).map(sorted)


def drawing(population: list[str], seed: bytes = SEED, percent: int = 10) -> tuple[str, ...]:
    return sampling.draw(seed, population, sampling.size_of(len(population), percent))


def wrong(population: list[str], drawn: tuple[str, ...], seed: bytes = SEED, committed: str = "") -> list[str]:
    return sampling.problems(
        "s-1",
        seed,
        population,
        committed=committed or sampling.commitment("s-1", SEED),
        sha256=sampling.population_digest(population),
        percent=10,
        drawn=drawn,
    )


@pytest.mark.clause("AUD-07")
@given(st.integers(1, 10_000_000), st.integers(10, 100))
def test_never_less_than_the_share_is_drawn(population: int, percent: int) -> None:
    size = sampling.size_of(population, percent)
    assert (size - 1) * 100 < population * percent <= size * 100


@pytest.mark.clause("AUD-07")
@given(IDS)
def test_anybody_gets_the_same_sample(population: list[str]) -> None:
    drawn = drawing(population)
    ranked = sorted(population, key=lambda one: hmac.new(SEED, one.encode(), hashlib.sha256).digest())
    assert list(drawn) == ranked[: len(drawn)]
    assert drawing(population[::-1]) == drawn, "the order of the list has no say"
    assert wrong(population, drawn) == []


@pytest.mark.clause("AUD-07")
@given(IDS, st.data())
def test_nothing_of_it_can_be_changed_unnoticed(population: list[str], data: st.DataObject) -> None:
    drawn = drawing(population)
    assert wrong(population, drawn[1:])
    assert wrong(population, drawn, seed=bytes(32)), "another seed than was committed to"
    assert wrong(population, drawn, committed=sampling.commitment("s-2", SEED)), "another sample's commitment"
    left_out = data.draw(st.sampled_from(population))
    rest = [one for one in population if one != left_out]
    said = sampling.population_digest(population)
    committed = sampling.commitment("s-1", SEED)
    assert sampling.problems(
        "s-1", SEED, rest, committed=committed, sha256=said, percent=10, drawn=drawing(rest) if rest else ()
    )


def test_files_that_are_no_drawing_are_refused(tmp_path: Path) -> None:
    for content in ("", "[]", "{}", '{"sample": "s"}'):
        file = tmp_path / "drawing.json"
        file.write_text(content)
        with pytest.raises(DanganError, match="DG-INS-014"):
            check_files(file)


def event(action: str, verb: str = "", *, allowed: bool = True) -> Seen:
    return Seen("u", 1, allowed, action, verb, "a", "rec-1", "", "", "", "", "", "", ())


@pytest.mark.clause("AUD-07")
def test_the_key_steps_are_those_that_the_rule_book_demands() -> None:
    assert expected_steps(load_rules().book) == ("collect", "review", "hand_over", "confirm", "number")
    assert expected_steps(load_rules(None, "trial").book) == ("collect",)
    events = [event("collect"), event("intake", "pass"), event("intake", "hand_over", allowed=False), event("access")]
    assert steps_in(events) == {"rec-1": {"collect", "review"}}
