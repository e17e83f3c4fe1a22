"""What blocks the use of restored records: withdrawn consents and objections (异议, clauses COL-04 and COL-07).

Records come from the backup and are older than their blocks. The live database knows them if it is the one that was in
use; the audit stream knows them also when the live database is itself loaded from a backup. Where they disagree about
an objection the later one counts, and in doubt the record stays blocked: compliance can clear it once more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ops.audit_replay import LastWord, Told, Withdrawn
from store.consents import Consents, Withdrawal
from store.database import Database
from store.intake_notes import IntakeNotes

#: Stands for the reason of an objection that only the audit stream knows: its events hold no reasons.
REASON: Final = "restored from the audit stream"
#: The beginnings of these members in a record's BSON: an embedded document, and a text with its length.
_OBJECTION: Final = b"\x03objection\x00"
_CHECKING: Final = b"\x02consent_state\x00\x09\x00\x00\x00checking\x00"


@dataclass(slots=True)
class Marks:
    """What is noticed of live records while they are loaded, so that nobody has to look for it among all of them.

    Attributes:
        objected: records that may have an objection.
        checking: whether some record may be in the state ``checking``.
    """

    objected: set[str] = field(default_factory=set)
    checking: bool = False

    def take(self, raw: bytes, record: str) -> None:
        """Look at a record's BSON. Bytes that only look so cost a second look, nothing else."""
        if _OBJECTION in raw:
            self.objected.add(record)
        if _CHECKING in raw:
            self.checking = True


async def block_again(live: Database, into: Database, told: Told, marked: Collection[str]) -> None:
    """Block in a restored database what is blocked in the live one, or by the audit stream. Repeatable.

    Args:
        live: the archive's database.
        into: the restored one, which has its records, consents and ties already.
        told: what the audit stream tells.
        marked: all restored records that have an objection, and maybe others.
    """
    consents = Consents(into)
    await _withdraw(consents, told.withdrawn)
    await consents.block_again()
    await _object(IntakeNotes(live), IntakeNotes(into), told.objections, marked)


def standing(note: Mapping[str, Any] | None, last: LastWord | None) -> Mapping[str, Any] | None:
    """The objection to a record that stands after a restore. Pure.

    Args:
        note: the objection in the database, if there is one.
        last: the audit stream's last word on it. An objection's event comes before the note.
    """
    if last is None:
        return note
    if last.objected:
        return note or {"by": last.by, "reason": REASON, "at": last.at_ms // 1000}
    # The note knows whole seconds. One that is as young may be newer than an export of the stream.
    return note if note is not None and note["at"] >= last.at_ms // 1000 else None


async def _withdraw(consents: Consents, withdrawn: Sequence[Withdrawn]) -> None:
    rests = await consents.tie_again({each.record for each in withdrawn if each.record})
    for each in withdrawn:
        subject, reference = each.subject, each.consent
        if reference is None and each.record in rests:  # an event that does not name the consent: its record does
            subject, reference = rests[each.record]
        if reference is not None:
            at = datetime.fromtimestamp(each.at_ms / 1000, UTC).isoformat()
            await consents.withdraw(subject, reference, Withdrawal(at, each.command, each.by, each.at_ms))


async def _object(live: IntakeNotes, into: IntakeNotes, words: Mapping[str, LastWord], marked: Collection[str]) -> None:
    objected = [record async for record, _ in live.objected()]
    records = {*objected, *marked, *words}
    there, here = await live.objections_to(records), await into.objections_to(records)
    for record, note in here.items():
        stands = standing(there.get(record, note), words.get(record))
        if stands != note:
            await into.put_back(record, stands)
