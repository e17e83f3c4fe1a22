"""What the archive department does to arrange (整理): give codes, enter into the index, assign, note papers.

Each act is audited before it is done (ops/audited.py) and may be done again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import get_args

from consumers import arrange
from consumers.rules import Rules
from ops.audited import Desk, stored_digest
from ops.registry import refuse_personal
from schemas.archive_code import CodeTemplate, Wanted
from schemas.errors import DanganError, Refusal
from store.archive_entries import NO_PAPER, Assigned, Standing
from store.archive_index import ArchiveIndex
from store.codes import Codes
from store.papers import Paper, Papers
from store.record import Record
from store.records import Records

#: Who arranges: the archive department and its custodians (档案管理部门, 专人).
ARRANGERS = ("archivist", "custodian")
#: How many records without a code are named.
_NAMED = 100


@dataclass(slots=True)
class Numbered:
    """What a numbering did, or would do.

    Attributes:
        entered: records that were entered into the index, or whose entry was made anew.
        coded: how many of them have a code now.
        removed: entries of destroyed records that went.
        without: records that no code can be formed for -> what is missing of them; the first hundred.
        without_count: how many there are.
    """

    entered: int = 0
    coded: int = 0
    removed: int = 0
    without: dict[str, str] = field(default_factory=dict)
    without_count: int = 0

    def lacks(self, record: str, what: str) -> None:
        """Note a record that gets no code."""
        self.without_count += 1
        if len(self.without) < _NAMED:
            self.without[record] = what


async def number(desk: Desk, rules: Rules, *, dry_run: bool = False) -> Numbered:
    """Give every record that is ripe for it a code and an entry in the index (clauses ARR-10, ARR-11).

    Records under review, returned ones and duplicates wait, and where the rule book demands codes also records that no
    code can be formed for. Several may run at once.

    Args:
        desk: the operator's.
        rules: for the template and the categories.
        dry_run: only say what would be done.
    """
    index, records, done = ArchiveIndex(desk.database), Records(desk.database), Numbered()
    template = CodeTemplate(rules.book.arrange.code_template)
    codes = Codes(desk.database, template)
    if not dry_run:
        await desk.record("admin", verb="number")
        done.removed = await index.remove_destroyed()
    async for batch in index.to_enter(arrange.NUMBERED):
        found = await records.get(batch)
        have = await codes.of(found)
        by_series = _by_series([each for each in found.values() if each.id not in have], template, rules, done)
        will_have = have.keys() | {each.record for _, part in by_series for each in part}
        ripe = will_have if rules.book.arrange.codes_required else found.keys()
        done.coded += len(will_have)
        done.entered += len(ripe)
        if dry_run:
            continue
        for series, wanted in by_series:
            have |= await codes.give(series, wanted)
        entries = [arrange.entry(found[each], have.get(each), rules) for each in sorted(ripe)]
        await index.enter(entries, codes_required=rules.book.arrange.codes_required)
    return done


def _by_series(
    found: Sequence[Record], template: CodeTemplate, rules: Rules, done: Numbered
) -> list[tuple[dict[str, str], list[Wanted]]]:
    parts: dict[tuple[tuple[str, str], ...], list[Wanted]] = defaultdict(list)
    for record in found:
        try:
            series = template.series(arrange.code_facts(record, rules.book))
        except Refusal as refusal:
            done.lacks(record.id, refusal.field or "")
        else:
            parts[tuple(series.items())].append(Wanted(record.id, record.subject))
    return [(dict(series), wanted) for series, wanted in parts.items()]


async def assign(desk: Desk, rules: Rules, record: str, tier: str, reason: str, *, now: int) -> Assigned:
    """Put a record into an importance tier (clause ARR-08).

    Args:
        desk: the operator's.
        rules: for the tiers that there are.
        record: its id.
        tier: a word of ``segment.importance_tiers``.
        reason: a word or a file reference, never a name.
        now: UNIX seconds.

    Raises:
        DanganError: DG-ARR-002 for another tier, DG-ARR-008 for a record that is not in the index, DG-OPS-036.
    """
    refuse_personal(record=record, reason=reason)
    arrange.check_word("tier", tier, rules.book.segment.importance_tiers)
    index = await _index_with(desk, record)
    assigned = Assigned(tier, reason, desk.operator, now)
    await desk.record("admin", verb="assign", record=record, digest=stored_digest(asdict(assigned)))
    await index.assign(record, assigned)
    return assigned


async def stand(desk: Desk, record: str, standing: str) -> None:
    """Say that a record's customer is a past, present or prospective one (clause ARR-07).

    That changes nothing else: a customer who pauses or leaves keeps the archive until its retention rule ends it.

    Raises:
        DanganError: DG-ARR-002 for another word, DG-ARR-008 for a record that is not in the index, DG-OPS-036.
    """
    refuse_personal(record=record)
    arrange.check_word("standing", standing, get_args(Standing))
    index = await _index_with(desk, record)
    await desk.record("admin", verb="assign", record=record, digest=stored_digest({"standing": standing}))
    await index.stand(record, standing)  # type: ignore[arg-type]  # checked by check_word


async def begin_revision(desk: Desk, *, now: int) -> None:
    """Begin a full revision: from now on every archive counts as not assigned until it is assigned anew (ARR-08)."""
    await desk.record("admin", verb="begin", record="full-revision")
    await ArchiveIndex(desk.database).begin_revision(now, desk.operator)


async def register_paper(desk: Desk, paper: Paper) -> None:
    """Note a received paper, the record that it corresponds to, and its scan (clause ARR-12). Again: add to it.

    Raises:
        DanganError: DG-OPS-036 for what is no opaque reference.
    """
    if paper.reference == NO_PAPER:
        raise DanganError("DG-OPS-036", field="paper", detail="it stands for no paper")
    refuse_personal(paper=paper.reference)
    refuse_personal(**{name: given for name in ("record", "scan") if (given := getattr(paper, name)) is not None})
    await desk.record("admin", verb="link", record=paper.reference, digest=stored_digest(asdict(paper)))
    await Papers(desk.database).put(paper)


async def _index_with(desk: Desk, record: str) -> ArchiveIndex:
    index = ArchiveIndex(desk.database)
    if not await index.has(record):
        raise DanganError("DG-ARR-008", detail=record)
    return index
