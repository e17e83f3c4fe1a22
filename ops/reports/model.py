"""What a report is made of: pure data, declared once, in no language and no layout.

A text is :class:`~ops.reports.words.Say` (a message of the catalogues) or a ``str``, which is data of unknown origin:
it stands as it is in every language, and no renderer reads markup in it. Everything is bounded here, so that no
renderer needs to ask.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from itertools import islice
from typing import Final, Literal

from ops.reports.words import Words
from schemas.errors import DanganError
from schemas.locales import DEFAULT, Locale
from schemas.working_days import CHINA

MAX_ROWS: Final = 10_000
MAX_COLUMNS: Final = 12
MAX_LABELS: Final = 60
MAX_SERIES: Final = 8
MAX_BLOCKS: Final = 500
MAX_ATTACHMENT_BYTES: Final = 8 << 20

#: How good something is; told by a word and a sign as well as by a colour.
Level = Literal["good", "attention", "bad", "neutral"]
#: What a column or a fact holds: numbers stand right, references in fixed width and may break anywhere.
Kind = Literal["text", "number", "date", "reference", "status"]


@dataclass(frozen=True, slots=True)
class Status:
    """A judgement, with its word."""

    level: Level
    words: Words


#: A value in a table or beside a name. Moments carry their zone; Decimal keeps the places that it has.
Cell = Words | int | Decimal | date | Status | None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; one with a level stands out."""

    words: Words
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """Short texts one below the other, with dots or numbers before them."""

    points: tuple[Words, ...]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value, or several values."""

    name: Words
    value: Cell | tuple[Cell, ...]
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one below the other."""

    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that matters, told large."""

    name: Words
    value: Cell
    level: Level = "neutral"


@dataclass(frozen=True, slots=True)
class Figures:
    """A few key figures side by side, up to six."""

    figures: tuple[Figure, ...]

    def __post_init__(self) -> None:
        _at_most("figures", len(self.figures), 6)


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column.

    Attributes:
        name: its header.
        kind: what it holds.
        width: its share of the width, relative to the others.
    """

    name: Words
    kind: Kind = "text"
    width: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header that is repeated on each page.

    Attributes:
        title: what it lists.
        rows: up to 10,000, each with a cell for each column.
        more: how many rows there are beyond these; said below the table.
    """

    title: Words
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: int = 0

    def __post_init__(self) -> None:
        _at_most("rows", len(self.rows), MAX_ROWS)
        _at_most("columns", len(self.columns), MAX_COLUMNS)
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row has not one cell for each column")

    @classmethod
    def of(
        cls, title: Words, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], limit: int = MAX_ROWS
    ) -> Table:
        """A table of the first ``limit`` rows, that counts the others."""
        left = iter(rows)
        kept = tuple(tuple(row) for row in islice(left, limit))
        return cls(title, tuple(columns), kept, more=sum(1 for _ in left))


@dataclass(frozen=True, slots=True)
class Series:
    """One row of values of a chart, none negative; as many as there are labels."""

    name: Words
    values: tuple[int | Decimal, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Numbers as a picture; every form also tells the numbers themselves.

    Attributes:
        kind: ``bar`` and ``donut`` take one series, ``stacked`` and ``line`` up to eight.
        labels: up to 60: what each value belongs to.
        unit: what is counted.
    """

    kind: Literal["bar", "stacked", "line", "donut"]
    title: Words
    labels: tuple[Words, ...]
    series: tuple[Series, ...]
    unit: Words = ""

    def __post_init__(self) -> None:
        _at_most("labels", len(self.labels), MAX_LABELS)
        _at_most("series", len(self.series), 1 if self.kind in ("bar", "donut") else MAX_SERIES)
        if any(len(each.values) != len(self.labels) or min(each.values, default=0) < 0 for each in self.series):
            raise ValueError("a series has one value for each label, and none is negative")


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A text that must be read character for character, as a signed one: fixed width, broken anywhere."""

    title: Words
    text: str


Block = Paragraph | Points | Facts | Figures | Table | Chart | Verbatim


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it."""

    title: Words
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Signatory:
    """Who signs the paper by hand: a role, and a name where it is known."""

    role: Words
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the report: embedded in the PDF, in base64 in the JSON."""

    name: str
    media_type: str
    data: bytes
    description: Words

    def __post_init__(self) -> None:
        _at_most("attachment bytes", len(self.data), MAX_ATTACHMENT_BYTES)

    @property
    def sha256(self) -> str:
        """The digest of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report.

    Attributes:
        name: what its files are called: lower-case letters, digits, hyphens.
        title: what it is.
        organisation: whose archive it is about; may be empty.
        generated_at: when, with a zone.
        period: from and until, both included, if it covers a time.
        language: the language that it is written in unless another one is asked for; not part of its digest.
        signatures: who signs it by hand.
        footnotes: what a reader must know besides.
        annex: what stands behind the signatures and the footnotes: long proofs.
        zone: the zone that all its times are told in.
    """

    name: str
    title: Words
    organisation: str
    generated_at: datetime
    sections: tuple[Section, ...]
    period: tuple[date, date] | None = None
    language: Locale = DEFAULT
    signatures: tuple[Signatory, ...] = ()
    footnotes: tuple[Words, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    annex: tuple[Section, ...] = ()
    zone: timezone = field(default=CHINA)

    def __post_init__(self) -> None:
        if not self.name.replace("-", "").isalnum() or not self.name.isascii() or self.name != self.name.lower():
            raise ValueError("a report's name is of lower-case letters, digits and hyphens")
        if self.generated_at.utcoffset() is None:
            raise ValueError("generated_at needs a zone")
        _at_most("blocks", sum(len(section.blocks) for section in (*self.sections, *self.annex)), MAX_BLOCKS)


def _at_most(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise DanganError("DG-RPT-003", field=what, detail=f"{count} > {limit}")
