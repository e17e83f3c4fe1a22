"""References: careless numbers are found wherever they stand, and ordinary opaque ids pass."""

from __future__ import annotations

import random
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric

from schemas.references import looks_personal

PREFIXES = st.sampled_from(["", "tel:", "cust-", "id.", "card_", "x", "CRM:", "2026-", "v1:"])
SUFFIXES = st.sampled_from(["", "-01", ".v2", ":a", "-r"])
MOBILES = st.from_regex(r"\A1[3-9][0-9]{9}\Z")
BIRTHS = st.dates().map(lambda day: f"19{day.year % 100:02}{day.month:02}{min(day.day, 28):02}")
RESIDENTS = st.tuples(st.sampled_from(["110105", "320106", "440305"]), BIRTHS, st.from_regex(r"\A[0-9]{3}\Z")).map(
    lambda parts: "".join(parts) + ric.calc_check_digit("".join(parts) + "0")
)
CARDS = st.from_regex(r"\A[3-9][0-9]{11,17}\Z").map(lambda digits: digits + luhn.calc_check_digit(digits))


@given(PREFIXES, MOBILES, SUFFIXES)
def test_a_mobile_number_is_found_anywhere(prefix: str, number: str, suffix: str) -> None:
    spellings = (number, f"86{number}", f"0086{number}", f"86-{number}", f"{number[:3]}-{number[3:7]}-{number[7:]}")
    for spelling in (*spellings, f"86-{spellings[-1]}", f"{number[:3]}.{number[3:7]}.{number[7:]}"):
        assert looks_personal(prefix + spelling + suffix), spelling


@given(PREFIXES, RESIDENTS, SUFFIXES)
def test_an_identity_number_is_found_anywhere(prefix: str, number: str, suffix: str) -> None:
    assert looks_personal(prefix + number + suffix)
    assert looks_personal(prefix + number.lower() + suffix)
    assert looks_personal(f"{prefix}{number[:6]}-{number[6:14]}-{number[14:]}{suffix}")
    assert looks_personal(f"{prefix}{number[:6]}{number[8:17]}{suffix}"), "of the first generation"


@given(PREFIXES, CARDS, SUFFIXES)
def test_a_card_number_is_found_anywhere(prefix: str, number: str, suffix: str) -> None:
    assert looks_personal(prefix + number + suffix)
    if len(number) == 16:
        assert looks_personal(prefix + "-".join(number[at : at + 4] for at in range(0, 16, 4)) + suffix)


@pytest.mark.parametrize(
    "reference",
    [
        "tel:13800138000",
        "cust-13800138000",
        "8613800138000",
        "86-138-0013-8000",
        "138-00138000",
        "id.11010519491231002X",
        "1101-0519-4912-3100-2X",
        "11010519491231002X",
        "4111-1111-1111-1111",
        "zhang@example.org",
    ],
)
def test_careless_references_are_found(reference: str) -> None:
    assert looks_personal(reference)


@pytest.mark.parametrize(
    "reference",
    [
        "crm:000017",
        "P2023001-01",
        "20261122-000123",
        "20261122153000123",
        "evt-1795000000123",
        "staff:1042",
        "grant:demo-1",
        "rec-0001",
        "00000000-0000-0000-0000-000000000001",
        "",
    ],
)
def test_ordinary_ids_pass(reference: str) -> None:
    assert not looks_personal(reference)


@given(st.uuids(version=4), st.sampled_from(["", "r-", "s-", "crm:", "grant-"]))
@example(uuid.UUID("13800138-0001-4380-8138-001380001380"), "r-")
def test_uuids_and_derived_ids_are_never_refused(chance: uuid.UUID, prefix: str) -> None:
    for form in (str(chance), chance.hex, chance.hex.upper()):
        assert not looks_personal(prefix + form)


@given(st.from_regex(r"\A[0-9a-f]{32}\Z"))
@example("1" * 32)
@example("13800138000a13800138000b13800138")
def test_no_word_of_32_hexadecimal_digits_is_refused(word: str) -> None:
    assert not looks_personal(f"r-{word}")


def test_of_many_thousands_of_random_ids_few_are_refused() -> None:
    chance = random.Random(20261122)
    for digits, allowed in ((64, 0), (40, 0), (32, 0), (24, 0), (20, 60), (16, 40), (12, 20)):
        words = (f"{chance.getrandbits(4 * digits):0{digits}x}" for _ in range(20_000))
        assert sum(looks_personal(f"id-{word}"[:64]) for word in words) <= allowed, digits
    days = (f"202{chance.randint(0, 9)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}" for _ in range(20_000))
    assert not any(looks_personal(f"{day}-{chance.randint(0, 999_999):06}") for day in days)


@given(st.text(max_size=64) | st.from_regex(r"\A[0-9Xx._:-]{0,64}\Z"))
def test_looking_at_a_reference_never_fails(reference: str) -> None:
    looks_personal(reference)
