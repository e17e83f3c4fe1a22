"""What the index says of a record, and what is never entered: an unmarked grade, another record's code (ARR-10, 16)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal

from schemas.errors import Refusal
from schemas.levels import Level
from store.database import Document

Standing = Literal["past", "present", "prospective"]
#: What the remarks column of a graded record must show (检索备注栏; clause ARR-16).
GRADE_MARKS: Final[Mapping[str, str]] = {"secret": "机密 secret", "top_secret": "绝密 top secret"}
#: A record without a paper counterpart says so with this reference (clause ARR-12).
NO_PAPER: Final = "none"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index says of a record.

    Attributes:
        customer: the subject's opaque reference.
        version: the record's version that the entry was made of.
        categories: of the fields that the record holds.
        consent: whether a consent is on record.
        grade: none, secret or top_secret; shown in ``remarks``.
        household: building/floor/unit.
        paper: reference of the paper counterpart, or ``none``.
    """

    record: str
    customer: str
    code: str | None
    version: int
    purpose: str
    level: Level
    type: str | None
    business_type: str | None
    segment: str | None
    special: str | None
    categories: tuple[str, ...]
    item: str | None
    consent: bool
    grade: str
    remarks: str
    household: str | None
    paper: str | None


@dataclass(frozen=True, slots=True)
class Assigned:
    """The importance tier (重要、特殊、一般) that a record was assigned: why, by whom, when (UNIX seconds; ARR-08)."""

    tier: str
    reason: str
    by: str
    at: int


@dataclass(frozen=True, slots=True)
class Row:
    """An entry with what was decided about the record, how far its intake is, and perhaps its attachments' kinds."""

    entry: Entry
    stage: str
    tier: Assigned | None
    standing: Standing | None
    kinds: frozenset[str] = frozenset()


def check_mark(entry: Entry) -> None:
    """Refuse a graded record without its mark (clause ARR-16).

    Raises:
        Refusal: DG-ARR-006.
    """
    if entry.grade != "none" and GRADE_MARKS.get(entry.grade, entry.grade) not in entry.remarks:
        raise Refusal("DG-ARR-006", detail=entry.record)


def check_code(entry: Entry, owners: Mapping[str, str | None], *, required: bool) -> None:
    """Refuse a missing code, one that was never given, and one that was given to another record (clause ARR-10).

    Args:
        entry: what is to be entered.
        owners: code -> the record that it was given to.
        required: whether there must be a code.

    Raises:
        Refusal: DG-ARR-003, 004 or 005.
    """
    if entry.code is None:
        if required:
            raise Refusal("DG-ARR-005", detail=entry.record)
    elif entry.code not in owners:
        raise Refusal("DG-ARR-003", detail=entry.record)
    elif owners[entry.code] != entry.record:
        raise Refusal("DG-ARR-004", detail=entry.record)


_NAMES: Final = frozenset(Entry.__slots__)


def to_document(entry: Entry) -> Document:
    """The entry as MongoDB stores it."""
    doc = {**asdict(entry), "level": entry.level.value, "categories": list(entry.categories)}
    del doc["record"]
    return doc


def row_of(doc: Document, stage: str, kinds: Iterable[str] = ()) -> Row:
    """The row of a stored entry, the stage of its record and the kinds of its attachments."""
    members = {name: value for name, value in doc.items() if name in _NAMES}
    members |= {"record": doc["_id"], "level": Level(doc["level"]), "categories": tuple(doc["categories"])}
    tier = Assigned(**doc["tier"]) if doc.get("tier") else None
    return Row(Entry(**members), stage, tier, doc.get("standing"), frozenset(kinds))
