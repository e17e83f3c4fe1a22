"""Archive codes (档号, 编码规则): the organisation's rule, and which number comes next (clause ARR-10).

The rule is a template such as ``{type}{year}{serial:03}-{part:02}``, which gives ``P2023001-01``: of the year 2023 the
first individual customer, and of this customer the first business file. What stands before the numbers (here type and
year) is the *series*. In a series the customers are numbered from 1 without a gap, and so are the files of each
customer; a rule without ``part`` numbers every file by itself.

A rule is taken only if a code can be read back in one way: two different numbers never make the same code.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

from schemas.errors import Refusal

#: What may stand in a template: field -> how it looks in a code. A floor below ground is written B1, B2, ...
_SHAPES: Final[Mapping[str, str]] = {
    "type": r"[A-Z]{1,3}",
    "year": r"\d{4}",
    "business": r"[a-z][a-z0-9_]*",
    "segment": r"[a-z][a-z0-9_]*",
    "building": r"[a-z][a-z0-9_]*",
    "floor": r"(?:0|B?[1-9]\d{0,2})",
    "unit": r"[a-z][a-z0-9_]*",
}
_NUMBERS: Final = ("serial", "part")
_WIDTH: Final = re.compile(r"0[1-9]")
_LITERAL: Final = re.compile(r"[-./]*")
_MAX_CODE: Final = 64


class Place(NamedTuple):
    """Where a code stands: in its series the customer's number, and the number of the customer's file."""

    series: Mapping[str, str]
    serial: int
    part: int = 1


class _Piece(NamedTuple):
    literal: str
    name: str
    width: int


@dataclass(frozen=True)
class CodeTemplate:
    """The rule of the archive codes.

    Args:
        text: the template; fields are type, year, business, segment, building, floor, unit, serial and part.

    Raises:
        ValueError: when it names another field, one twice, no serial, or when its codes could be read in two ways.
    """

    text: str

    def __post_init__(self) -> None:
        names = [piece.name for piece in self._pieces]
        if "serial" not in names:
            raise ValueError("the template has no {serial}")
        if len(set(names)) != len(names):
            raise ValueError("the template names a field twice")
        for before, after in pairwise(self._pieces):
            if not after.literal and not _told_apart(before.name, after.name):
                raise ValueError(f"put one of - . / between {{{before.name}}} and {{{after.name}}}")

    @cached_property
    def _parsed(self) -> tuple[list[_Piece], str]:
        pieces: list[_Piece] = []
        tail = ""
        for literal, name, width, conversion in string.Formatter().parse(self.text):
            if not _LITERAL.fullmatch(literal):
                raise ValueError("between the fields may stand - . / only")
            if name is None:
                tail = literal
                continue
            if conversion or name not in (*_SHAPES, *_NUMBERS):
                raise ValueError(f"there is no field {{{name}}}")
            if width and (name not in _NUMBERS or not _WIDTH.fullmatch(width)):
                raise ValueError(f"the width of {{{name}}} is not one of 01 to 09, or it has none")
            pieces.append(_Piece(literal, name, int(width or 1)))
        return pieces, tail

    @property
    def _pieces(self) -> list[_Piece]:
        return self._parsed[0]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = [f"{re.escape(p.literal)}(?P<{p.name}>{_shape(p)})" for p in self._pieces]
        return re.compile("".join(parts) + re.escape(self._parsed[1]), re.ASCII)

    @cached_property
    def series_fields(self) -> tuple[str, ...]:
        """The fields that make a series, in their order."""
        return tuple(piece.name for piece in self._pieces if piece.name not in _NUMBERS)

    @property
    def by_customer(self) -> bool:
        """Whether customers are numbered, and their files under them; otherwise each file by itself."""
        return any(piece.name == "part" for piece in self._pieces)

    def series(self, known: Mapping[str, str]) -> dict[str, str]:
        """The series of a record.

        Args:
            known: what is known of the record, by the template's fields; more is left out.

        Raises:
            Refusal: DG-ARR-010 naming the field that is missing or cannot stand in a code.
        """
        for name in self.series_fields:
            if not re.fullmatch(_SHAPES[name], known.get(name, ""), re.ASCII):
                raise Refusal("DG-ARR-010", field=name)
        return {name: known[name] for name in self.series_fields}

    def code(self, place: Place) -> str:
        """The code of a place.

        Raises:
            Refusal: DG-ARR-010 when a code of it would be too long.
        """
        written = {
            **place.series,
            **{p.name: f"{getattr(place, p.name):0{p.width}}" for p in self._pieces if p.name in _NUMBERS},
        }
        code = "".join(piece.literal + written[piece.name] for piece in self._pieces) + self._parsed[1]
        if len(code) > _MAX_CODE:
            raise Refusal("DG-ARR-010", detail="longer than 64 characters")
        return code

    def place(self, code: str) -> Place:
        """Read a code back.

        Raises:
            Refusal: DG-ARR-003 for one that this template cannot have made.
        """
        found = self._pattern.fullmatch(code) if len(code) <= _MAX_CODE else None
        if found is None:
            raise Refusal("DG-ARR-003")
        read = found.groupdict()
        place = Place({name: read[name] for name in self.series_fields}, int(read["serial"]), int(read.get("part", 1)))
        if place.serial < 1 or place.part < 1 or self.code(place) != code:  # 0012 for 012
            raise Refusal("DG-ARR-003")
        return place


def _shape(piece: _Piece) -> str:
    return rf"\d{{{piece.width},}}" if piece.name in _NUMBERS else _SHAPES[piece.name]


def _told_apart(before: str, after: str) -> bool:
    """Whether the end of one field shows where nothing stands between it and the next."""
    digits = {"year", *_NUMBERS}
    return "year" in (before, after) or (before == "type" and after in digits)


class Wanted(NamedTuple):
    """A record that needs a code in a series, and the customer it is about."""

    record: str
    customer: str


class Number(NamedTuple):
    """The number that a record gets in its series."""

    record: str
    customer: str
    serial: int
    part: int


def numbers(
    wanted: Sequence[Wanted], *, free: int, taken: Mapping[str, tuple[int, int]], by_customer: bool
) -> tuple[list[Number], int]:
    """Number records, in their order, going on where the series stands.

    Args:
        wanted: records that have no number yet, each once.
        free: the first serial number that nobody has.
        taken: customer -> its serial number and how many of its files are numbered, for those of ``wanted`` that
            have one.
        by_customer: :attr:`CodeTemplate.by_customer`.

    Returns:
        The numbers, and the first free serial number after them.
    """
    standing = dict(taken)
    given: list[Number] = []
    for record, customer in wanted:
        serial, part = standing.get(customer, (free, 0)) if by_customer else (free, 0)
        free = max(free, serial + 1)
        standing[customer] = (serial, part + 1)
        given.append(Number(record, customer, serial, part + 1))
    return given, free
