"""The lists of the archive department (索引, 完整性, 统计): rows of index facts, no content opened (ARR-11).

Every list is a stream of rows, each a mapping of the list's columns to texts, and says nothing that the index does not.
"""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, Literal, get_args

from consumers.arrange import needs_paper
from consumers.rules import Rules
from schemas.completeness import papers_missing, parts_missing, parts_present
from schemas.rulebook import RuleBook
from store.archive_entries import Row
from store.archive_index import ArchiveIndex
from store.papers import Paper, Papers

Line = Mapping[str, str]
By = Literal["category", "type", "segment", "tier", "grade", "stage", "standing", "business"]
#: ARR-16: the last column shows the grade.
FOUND: Final = (
    "code", "record", "customer", "type", "business", "segment", "special", "categories", "tier", "standing", "stage",
    "paper", "remarks",
)  # fmt: skip
COUNTS: Final[tuple[By, ...]] = get_args(By)
COUNTED: Final = ("value", "records")
TIERS: Final = ("code", "record", "customer", "tier", "reason", "assigned", "next review", "state")
PAPERS: Final = ("paper", "record", "gap")
HOUSEHOLDS: Final = ("household", "owner", "records", "missing papers")
COMPLETENESS: Final = ("customer", "records", "present", "missing")
_BATCH: Final = 500


async def find(
    index: ArchiveIndex, equal: Mapping[str, str], *, category: str | None = None, stage: str | None = None
) -> AsyncGenerator[Line]:
    """Entries by code, customer, type and so on (ArchiveIndex.rows), by category (its subcategories too) and stage."""
    async with aclosing(index.rows(**equal)) as rows:
        async for row in rows:
            if stage in (None, row.stage) and (
                category is None or any(within(c, category) for c in row.entry.categories)
            ):
                yield _line(row)


def within(category: str, wanted: str) -> bool:
    """Whether a category is the wanted one or a subcategory of it."""
    return category == wanted or category.startswith(f"{wanted}.")


def _line(row: Row) -> Line:
    entry = row.entry
    return {
        "code": entry.code or "",
        "record": entry.record,
        "customer": entry.customer,
        "type": entry.type or "",
        "business": entry.business_type or "",
        "segment": entry.segment or "",
        "special": entry.special or "",
        "categories": " ".join(entry.categories),
        "tier": row.tier.tier if row.tier else "",
        "standing": row.standing or "",
        "stage": row.stage,
        "paper": entry.paper or "",
        "remarks": entry.remarks,
    }


async def count(index: ArchiveIndex, by: str) -> AsyncGenerator[Line]:
    """How many records there are of each kind; a record counts once in each of its categories."""
    counted: Counter[str] = Counter()
    async for row in index.rows():
        counted.update(_values(row, by))
    for value, records in sorted(counted.items()):
        yield {"value": value, "records": str(records)}


def _values(row: Row, by: str) -> tuple[str, ...]:
    if by == "category":
        return row.entry.categories
    if by == "grade":
        return (row.entry.grade,)
    return (_line(row)[by] or "-",)


async def tiers(
    index: ArchiveIndex, book: RuleBook, *, now: int, tier: str | None = None, unassigned: bool = False
) -> AsyncGenerator[Line]:
    """Every archived record with its importance tier and when it is next due for review (clause ARR-08).

    After a full revision began, what was assigned before it counts as unassigned.

    Args:
        index: the archive's.
        book: for the tiers' review periods.
        now: UNIX seconds.
        tier: only this one.
        unassigned: only those that are to be assigned (anew).
    """
    revision = await index.last_revision() or 0
    async with aclosing(index.rows(**({"tier": tier} if tier else {}))) as rows:
        async for row in rows:
            given = row.tier
            waits = given is None or given.at < revision
            if unassigned and not waits:
                continue
            due = months_later(given.at, book.segment.review_months.get(given.tier, 1)) if given else 0
            state = "to be assigned" if given is None else "to be assigned anew" if waits else _due(due, now)
            yield {
                "code": row.entry.code or "",
                "record": row.entry.record,
                "customer": row.entry.customer,
                "tier": given.tier if given else "",
                "reason": given.reason if given else "",
                "assigned": _day(given.at) if given else "",
                "next review": _day(due) if given else "",
                "state": state,
            }


def _due(due: int, now: int) -> str:
    return "review overdue" if due <= now else ""


def months_later(at: int, months: int) -> int:
    """The same time some months later, at the month's last day if it is shorter (UNIX seconds)."""
    moment = datetime.fromtimestamp(at, UTC)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return int(moment.replace(year=year, month=month + 1, day=day).timestamp())


async def paper_gaps(index: ArchiveIndex) -> AsyncGenerator[Line]:
    """Records and papers that do not match, and papers that are not digitised (clause ARR-12)."""
    papers = index.papers
    batch: list[Row] = []
    async with aclosing(index.rows()) as rows:
        async for row in rows:
            batch.append(row)
            if len(batch) == _BATCH:
                for line in await _record_gaps(batch, papers):
                    yield line
                batch = []
    for line in await _record_gaps(batch, papers):
        yield line
    async with aclosing(papers.all()) as registered:
        async for paper in registered:
            for gap in await _paper_gaps(paper, index):
                yield {"paper": paper.reference, "record": paper.record or "", "gap": gap}


async def _record_gaps(rows: list[Row], papers: Papers) -> list[Line]:
    known = await papers.get([row.entry.paper for row in rows if row.entry.paper and needs_paper(row.entry.paper)])
    lines: list[Line] = []
    for row in rows:
        paper, gap = row.entry.paper, ""
        if paper is None:
            gap = "the record names no paper, nor none"
        elif needs_paper(paper) and paper not in known:
            gap = "the paper was never received"
        elif needs_paper(paper) and known[paper].record not in (None, row.entry.record):
            gap = "the paper is another record's"
        if gap:
            lines.append({"paper": paper or "", "record": row.entry.record, "gap": gap})
    return lines


async def _paper_gaps(paper: Paper, index: ArchiveIndex) -> list[str]:
    gaps = [] if paper.scan else ["the paper is not digitised"]
    named = [row.entry async for row in index.rows(paper=paper.reference)]
    if not named:
        gaps.append("no record names the paper")
    return gaps


async def households(index: ArchiveIndex, book: RuleBook, *, all_of_them: bool = False) -> AsyncGenerator[Line]:
    """The files of households by building, floor and unit, one for each owner, with the papers missing (ARR-15).

    Args:
        index: the archive's.
        book: for the papers that a file must have.
        all_of_them: also files that lack nothing.
    """
    async with aclosing(index.groups("household")) as groups:
        async for of_household in groups:
            by_owner = sorted(of_household, key=lambda row: row.entry.customer)
            for owner, group in groupby(by_owner, key=lambda row: row.entry.customer):
                rows = list(group)
                missing = papers_missing(_items(rows), book.arrange)
                if missing or all_of_them:
                    yield {
                        "household": rows[0].entry.household or "",
                        "owner": owner,
                        "records": str(len(rows)),
                        "missing papers": " ".join(missing),
                    }


async def completeness(index: ArchiveIndex, rules: Rules, *, all_of_them: bool = False) -> AsyncGenerator[Line]:
    """For every customer's archive the expected parts that it has and lacks (clause ARR-17).

    Args:
        index: the archive's.
        rules: for the parts that are expected, and the categories of attachments.
        all_of_them: also archives that lack nothing.
    """
    async with aclosing(index.groups("customer")) as groups:
        async for rows in groups:
            categories = {category for row in rows for category in row.entry.categories}
            consent = any(row.entry.consent for row in rows)
            items, kinds = _items(rows), rules.catalogue.attachments
            categories |= {kinds[item].category for item in items if item in kinds}
            present = parts_present(categories, items, rules.book.arrange, consent=consent)
            missing = parts_missing(present, rules.book.arrange)
            if missing or all_of_them:
                yield {
                    "customer": rows[0].entry.customer,
                    "records": str(len(rows)),
                    "present": " ".join(present),
                    "missing": " ".join(missing),
                }


def _items(rows: list[Row]) -> set[str]:
    return {row.entry.item for row in rows if row.entry.item}.union(*(row.kinds for row in rows))


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
