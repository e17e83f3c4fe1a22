"""An aggregate publishes no small group, and none can be computed from what it publishes (SHR-06)."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.sharing.aggregate import Aggregate, aggregate
from consumers.sharing.pseudonyms import Pseudonyms

COUNTS = st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=5)


def published(counts: list[int], k: int) -> Aggregate:
    """The aggregate of groups of so many customers each."""
    rows = [(f"sub-{group}-{n}", {"city": f"c{group}"}) for group, count in enumerate(counts) for n in range(count)]
    return aggregate(rows, ["city"], k=k)


@pytest.mark.clause("SHR-06")
@given(COUNTS, st.integers(min_value=2, max_value=6))
def test_no_published_number_is_below_k_and_they_add_up(counts: list[int], k: int) -> None:
    made = published(counts, k)
    numbers = [count for _, count in made.groups] + [made.remainder] * (made.remainder > 0)
    assert all(number >= k for number in numbers)
    if made.groups or made.remainder:
        assert sum(numbers) == sum(counts)
    assert all(counts[int(str(values[0])[1:])] == count for values, count in made.groups)


@pytest.mark.clause("SHR-06")
@given(COUNTS, st.integers(min_value=2, max_value=5))
def test_no_suppressed_count_follows_from_what_is_published(counts: list[int], k: int) -> None:
    made = published(counts, k)
    if not made.remainder:
        return
    shown = {int(str(values[0])[1:]) for values, _ in made.groups}
    hidden = [group for group in range(len(counts)) if group not in shown]
    # Everything that somebody can think of who knows which groups there are, which of them are small, and the rules.
    most = min((count for _, count in made.groups), default=made.remainder)
    spans = [range(1, k) if counts[group] < k else range(k, most + 1) for group in hidden]
    worlds = [world for world in product(*spans) if sum(world) == made.remainder]
    assert tuple(counts[group] for group in hidden) in worlds
    for place in range(len(hidden)):
        assert len({world[place] for world in worlds}) > 1


@pytest.mark.clause("SHR-06")
def test_a_single_small_group_takes_a_larger_one_with_it() -> None:
    assert published([1, 8, 9], 5) == Aggregate(((("c2",), 9),), 9)
    assert published([1, 5], 5) == Aggregate((), 0)  # six customers in two groups: it would have to be 1 and 5
    assert published([5, 6], 5).remainder == 0
    assert published([4], 5) == Aggregate((), 0)


def test_a_customer_with_many_records_is_one_customer() -> None:
    rows = [("sub-1", {"city": "c"})] * 9
    assert aggregate(rows, ["city"], k=2) == Aggregate((), 0)


@pytest.mark.clause("SHR-06")
@given(
    st.text(max_size=20), st.text(max_size=20), st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32)
)
def test_pseudonyms_are_the_same_within_a_share_and_differ_between_shares(
    one: str, other: str, key: bytes, another: bytes
) -> None:
    mine, theirs = Pseudonyms(key), Pseudonyms(another)
    assert (mine.of("name", one) == mine.of("name", other)) == (one == other)
    assert mine.of("name", one) != mine.of("phone", one)
    assert (mine.of("name", one) == theirs.of("name", one)) == (key == another)
    assert mine.replaced({"name": one, "city": other}, {"name"}) == {"name": mine.of("name", one), "city": other}
