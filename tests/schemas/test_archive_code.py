"""Archive codes: made by the rule, read back in one way, numbered without a gap."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.archive_code import CodeTemplate, Number, Place, Wanted, numbers
from schemas.errors import Refusal
from schemas.rulebook import RuleBook

DEFAULT = CodeTemplate(RuleBook().arrange.code_template)
HOUSEHOLD = CodeTemplate("{segment}.{building}-{floor}-{unit}/{serial:02}-{part}")
PLAIN = CodeTemplate("{business}{year}{serial:05}")
TEMPLATES = st.sampled_from([DEFAULT, HOUSEHOLD, PLAIN, CodeTemplate("{serial:04}{year}/{type}{part:02}-")])
WORDS = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
KNOWN = st.fixed_dictionaries(
    {
        "type": st.from_regex(r"[A-Z]{1,3}", fullmatch=True),
        "year": st.integers(1000, 9999).map(str),
        "floor": st.one_of(st.integers(0, 200).map(str), st.integers(1, 9).map(lambda floor: f"B{floor}")),
        **dict.fromkeys(("business", "segment", "building", "unit"), WORDS),
    }
)
PLACES = st.tuples(KNOWN, st.integers(1, 12345), st.integers(1, 123))


@pytest.mark.clause("ARR-10")
def test_the_regulations_example() -> None:
    assert DEFAULT.code(Place({"type": "P", "year": "2023"}, 1, 1)) == "P2023001-01"
    assert DEFAULT.place("P2023001-01") == Place({"type": "P", "year": "2023"}, 1, 1)
    assert DEFAULT.code(Place({"type": "P", "year": "2023"}, 1000, 100)) == "P20231000-100"


def place(template: CodeTemplate, parts: tuple[dict[str, str], int, int]) -> Place:
    known, serial, part = parts
    return Place(template.series(known), serial, part if template.by_customer else 1)


@pytest.mark.clause("ARR-10")
@given(TEMPLATES, PLACES, PLACES)
def test_a_code_is_read_back_in_one_way_and_two_places_never_share_one(
    template: CodeTemplate, one: tuple[dict[str, str], int, int], other: tuple[dict[str, str], int, int]
) -> None:
    first, second = place(template, one), place(template, other)
    assert template.place(template.code(first)) == first
    assert (template.code(first) == template.code(second)) == (first == second)


@pytest.mark.clause("ARR-10")
@pytest.mark.parametrize(
    "code",
    ["", "P2023001", "P2023001-1", "P2023000-01", "P2023001-00", "P20230001-01", "p2023001-01", "P2023001-01 ",
     "P202٣001-01", "P2023001-01\n", "PPPP2023001-01", "P2023" + "9" * 60 + "-01"],
)  # fmt: skip
def test_a_malformed_code_is_refused(code: str) -> None:
    with pytest.raises(Refusal, match="DG-ARR-003"):
        DEFAULT.place(code)


@pytest.mark.clause("ARR-10")
@given(st.text(alphabet="PC0123456789-", max_size=16))
def test_whatever_passes_is_what_the_rule_makes(code: str) -> None:
    try:
        read = DEFAULT.place(code)
    except Refusal:
        return
    assert DEFAULT.code(read) == code


@pytest.mark.parametrize(
    "text",
    ["{type}{year}", "{serial}{part}", "{serial}{serial}", "{name}{serial}", "{serial!r}", "{type:03}-{serial}",
     "{business}{segment}{serial}", "{serial:x}", "No {serial}", "{serial:3}", "{business}{serial}", "{type}_{serial}", "{floor}{serial}"],
)  # fmt: skip
def test_a_rule_that_could_be_read_in_two_ways_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        CodeTemplate(text)


@pytest.mark.clause("ARR-10")
@pytest.mark.parametrize("known", [{}, {"year": "2023"}, {"type": "p", "year": "2023"}, {"type": "P", "year": "23"}])
def test_a_record_without_what_the_rule_needs_gets_no_code(known: dict[str, str]) -> None:
    with pytest.raises(Refusal, match="DG-ARR-010"):
        DEFAULT.series(known)


@pytest.mark.clause("ARR-10")
@given(st.lists(st.integers(0, 5), max_size=40), st.lists(st.integers(0, 40), max_size=6), st.booleans())
def test_however_the_work_is_parted_there_is_no_gap_and_no_clash(
    customers: list[int], cuts: list[int], by_customer: bool
) -> None:
    wanted = [Wanted(f"r{at}", f"c{customer}") for at, customer in enumerate(customers)]
    edges = [0, *sorted(min(cut, len(wanted)) for cut in cuts), len(wanted)]
    done: list[Number] = []
    free = 1
    for start, end in pairwise(edges):
        taken = {
            c: (s, max(n.part for n in done if n.customer == c))
            for c, s in {n.customer: n.serial for n in done}.items()
        }
        given_now, free = numbers(wanted[start:end], free=free, taken=taken, by_customer=by_customer)
        done += given_now
    assert [n.record for n in done] == [w.record for w in wanted]
    assert {n.serial for n in done} == set(range(1, free))
    assert len({(n.serial, n.part) for n in done}) == len(done)
    for serial in {n.serial for n in done}:
        mine = [n for n in done if n.serial == serial]
        assert len({n.customer for n in mine}) == 1
        assert [n.part for n in mine] == list(range(1, len(mine) + 1))
    if by_customer:
        assert len({(n.customer, n.serial) for n in done}) == len({n.customer for n in done})
