"""Whether an opaque reference is in truth somebody's number or address.

Kafka keys and audit events carry references in clear and for good, so such a one is refused (DG-COL-007). Looked for,
anywhere in the reference:

- an ``@``;
- a mainland mobile number: 11 digits beginning 13 to 19, also behind 86 or 0086, in one piece or as 138-0013-8000;
- a resident identity number (GB 11643): 18 characters with the right check digit, in any grouping, or the 15 digits of
  the first generation; of a province and a date that exist;
- a card or account number: 13 to 19 digits that hold Luhn's check (ISO/IEC 7812-1 Annex B), in one piece or in
  the groups that cards print; it begins with 3 to 9 or 22 to 27, so that times (1795000000000) and dates (20261122...)
  are none.

A careless use is found; who hides a number on purpose is not stopped. UUIDs and long hexadecimal words are chance or
digests, and exempt: in thousands of them some would hold such a number by accident.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from stdnum.cn import ric

_MIN_DIGITS = 11
_CHANCE = re.compile(
    r"(?<![A-Za-z0-9])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[0-9]*[a-f])[0-9a-f]{24,})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
#: Eleven digits with single separators at most: what every number below has, and few references do.
_ENOUGH = re.compile(r"[0-9](?:[-._: ]?[0-9]){10}")
#: Groups of digits with single separators between them; an identity number may end in X.
_RUN = re.compile(r"[0-9]+(?:[-._: ][0-9]+)*(?:[-._: ]?[Xx](?![A-Za-z0-9]))?")
_GROUP = re.compile(r"[0-9]+|[Xx]")
_MOBILE = re.compile(r"(?:(?:00)?86)?1[3-9][0-9]{9}")
_CARD = re.compile(r"(?:[3-9]|2[2-7])[0-9]{12,18}")
#: How cards print their number; the last group may be shorter or longer.
_CARD_GROUPS = frozenset({(4, 4, 4), (4, 6), (6,), (4, 4, 4, 4)})
_ID, _OLD_ID = 18, 15
_CENTURIES = frozenset({"18", "19", "20"})
#: The first two digits of an area's code (GB/T 2260), 83 and 91 of residents from Taiwan and abroad.
_PROVINCE = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91")


def looks_personal(reference: str) -> bool:
    """Whether an opaque reference is in truth an identity, card or telephone number or an address."""
    if "@" in reference:
        return True
    return _ENOUGH.search(reference) is not None and any(
        _holds_number(run) for run in _RUN.findall(_CHANCE.sub("", reference))
    )


def luhn_holds(digits: str) -> bool:
    """ISO/IEC 7812-1 Annex B, as ``stdnum.luhn`` does it one digit at a time."""
    doubled = digits[-2::-2].translate(_DOUBLED)
    return (sum(map(int, digits[-1::-2])) + sum(map(int, doubled))) % 10 == 0


#: A digit doubled, and its digits added.
_DOUBLED = str.maketrans("0123456789", "0246813579")


def _holds_number(run: str) -> bool:
    groups = _GROUP.findall(run)
    if groups[-1] in ("X", "x") and len(groups) > 1 and run[-2].isdigit():
        groups[-2:] = [groups[-2] + "X"]
    whole = "".join(groups)
    if len(whole) < _MIN_DIGITS:
        return False
    if _MOBILE.fullmatch(whole):
        return True
    return any(_is_number(part) for part in _parts(groups))


def _parts(groups: list[str]) -> Iterator[list[str]]:
    """Every sequence of neighbouring groups that is short enough to be a number."""
    for first in range(len(groups)):
        length = 0
        for last in range(first, len(groups)):
            length += len(groups[last])
            if length > _ID + 1:
                break
            if length >= _MIN_DIGITS:
                yield groups[first : last + 1]


def _is_number(groups: list[str]) -> bool:
    digits, lengths = "".join(groups), tuple(map(len, groups))
    if len(digits) == _ID and _is_id(digits):
        return True
    if not digits.isdigit():
        return False
    if lengths in {(_OLD_ID,), (6, 6, 3)} and _is_old_id(digits):
        return True
    if (lengths[-3:] == (3, 4, 4) or len(lengths) == 1 or lengths[-1:] == (11,)) and _MOBILE.fullmatch(digits):
        return True
    return (len(lengths) == 1 or lengths[:-1] in _CARD_GROUPS) and bool(_CARD.fullmatch(digits)) and luhn_holds(digits)


def _is_id(digits: str) -> bool:
    """A province, a date and the check digit (GB 11643).

    Counties are not compared with the year of birth: cards carry the code of the county that issued them.
    """
    born = digits[6:14]
    return (
        _PROVINCE.match(digits) is not None
        and digits[6:8] in _CENTURIES
        and _is_date(born)
        and _check_digit_holds(digits)
    )


def _is_old_id(digits: str) -> bool:
    """The first generation's 15 digits: area, date of birth in the 20th century, sequence; no check digit."""
    return _PROVINCE.match(digits) is not None and _is_date(f"19{digits[6:12]}")


def _check_digit_holds(number: str) -> bool:
    return number[:-1].isdigit() and str(ric.calc_check_digit(number)) == number[-1].upper()


def _is_date(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return False
    return True
