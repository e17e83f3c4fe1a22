"""Normal forms and masks: any input ends in a normal form or a refusal, and no mask gives the value away."""

from __future__ import annotations

from datetime import date

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum import luhn, numdb
from stdnum.cn import ric
from stdnum.exceptions import InvalidComponent, ValidationError

from ops.rules import load_rules
from schemas.errors import Refusal
from schemas.values import masked, normalise

FIELDS = load_rules().catalogue.fields
SCALARS = (
    st.text(max_size=60)
    | st.integers()
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.from_regex(r"\A\d{17}[\dX]\Z")
)


@given(name=st.sampled_from(sorted(FIELDS)), value=SCALARS)
@example(name="id_number", value="990000193802231705")
@example(name="transaction_count", value="")
@example(name="last_transaction_amount", value="1e999999999")
@example(name="phone", value="+")
@example(name="email", value="a@" + "b" * 300)
def test_any_value_has_a_stable_normal_form_or_is_refused(name: str, value: str | int | float | bool) -> None:
    try:
        normal = normalise(name, FIELDS[name], value)
    except Refusal as refusal:
        assert refusal.code == "DG-COL-002"
        return
    assert normalise(name, FIELDS[name], normal) == normal


@given(name=st.sampled_from(sorted(FIELDS)), value=st.text(min_size=1, max_size=40))
def test_a_mask_never_shows_a_whole_value(name: str, value: str) -> None:
    if FIELDS[name].mask != "none":
        assert masked(FIELDS[name], value) != value


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("name", "张三", "张*"),
        ("phone", "+8613800138000", "+86138****00"),
        ("id_number", "11010519491231002X", "110****2X"),
        ("account_number", "4111111111111111", "4111****1111"),
        ("email", "zhang@example.org", "z***@example.org"),
        ("last_transaction_amount", "12.50", "****"),
        ("city", "Suzhou", "Suzhou"),
    ],
)
def test_masks(name: str, value: str, shown: str) -> None:
    assert masked(FIELDS[name], value) == shown


def test_spellings_of_one_number_meet() -> None:
    phone = FIELDS["phone"]
    spellings = ["13800138000", "138 0013 8000", "+86 138-0013-8000", "008613800138000"]
    assert {normalise("phone", phone, spelling) for spelling in spellings} == {"+8613800138000"}


NUMBERS = st.from_regex(r"\A[1-8][0-5]\d{4}(19|20)\d\d(0\d|1[0-2])[0-3]\d{4}\Z").map(
    lambda digits: digits + ric.calc_check_digit(digits + "0")
)


@given(NUMBERS | st.from_regex(r"\A\d{17}[\dXx]\Z") | st.sampled_from(["11010519491231002X", "11010519491231002x"]))
def test_resident_numbers_are_judged_as_the_library_does_but_for_the_year_of_the_county(number: str) -> None:
    expected: str | None = number.upper()
    try:
        ric.validate(number.upper())
    except LookupError:  # an area without a county
        expected = None
    except ValidationError as fault:
        born = (
            date(*(int(number[part]) for part in (slice(6, 10), slice(10, 12), slice(12, 14))))
            if _dated(number)
            else None
        )
        known = any("county" in found for _, found in numdb.get("cn/loc").info(number[:6]))
        if not (isinstance(fault, InvalidComponent) and born and known):
            expected = None
    try:
        assert normalise("id_number", FIELDS["id_number"], number) == expected
    except Refusal:
        assert expected is None


def _dated(number: str) -> bool:
    try:
        ric.get_birth_date(number.upper())
    except ValidationError:
        return False
    return True


def test_people_born_before_their_county_had_its_code_are_taken() -> None:
    for year in (1950, 1970, 1985, 2000):
        digits = f"320106{year}0101001"
        number = digits + ric.calc_check_digit(digits + "0")
        assert normalise("id_number", FIELDS["id_number"], number) == number


@given(st.from_regex(r"\A\d{1,19}\Z") | st.text("0123456789x١²", max_size=19))
def test_card_numbers_are_judged_as_the_library_does(number: str) -> None:
    expected = number if number.isascii() and luhn.is_valid(number) else None
    try:
        assert normalise("account_number", FIELDS["account_number"], number) == expected
    except Refusal:
        assert expected is None


@given(
    st.from_regex(r"\A(\+86|86|0086|)(0|)1\d{9,11}\Z") | st.from_regex(r"\A\+?[0-9 ()-]{3,16}\Z") | st.text(max_size=14)
)
@example("17900138000")
@example("11012345678")
@example("+8613800138000")
@example("１３８００１３８０００")
def test_numbers_are_judged_as_the_library_does(text: str) -> None:
    try:
        number = phonenumbers.parse(text, "CN")
        possible = phonenumbers.is_possible_number(number)
        expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if possible else None
    except phonenumbers.NumberParseException:
        expected = None
    try:
        assert normalise("phone", FIELDS["phone"], text) == expected
    except Refusal:
        assert expected is None


LOCALS = st.text("abcXYZ019.+-_'\"@ é张", min_size=1, max_size=70)
DOMAINS = st.sampled_from(
    ["example.org", "EXAMPLE.org", "例子.测试", "a..b", "[127.0.0.1]", "localhost", "x" * 260 + ".org", ""]
)


@given(st.builds("{}@{}".format, LOCALS, DOMAINS) | st.emails() | st.text(max_size=30))
def test_addresses_are_judged_as_the_library_does(address: str) -> None:
    try:
        expected = validate_email(address, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        expected = None
    try:
        assert normalise("email", FIELDS["email"], address) == expected
    except Refusal:
        assert expected is None
