"""Confirmation after destruction (销毁确认, clause DES-09): somebody else really tries to read what was destroyed.

Every record must stand as a tombstone, with no slot in a live page; and every wrapped page key that was seen at the
forgetting, which is what old backups hold, is shown to Vault once more: it must be refused because its version is gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from keys.certificate import VERSION_GONE
from keys.ledger import Entry, State
from keys.vault import KeyRefused
from ops.audited import Desk
from ops.destructions.jobs import Job, job_id, jobs
from ops.registers import Book
from schemas.errors import DanganError
from schemas.needs import CONFIRMATIONS
from schemas.registers import Entry as Confirmation
from schemas.registers import Said
from store.ledger import Ledger
from store.pages import Pages
from store.tombstones import Tombstones

#: Who may confirm: not who executed or applied, but somebody whose post it is to look.
CONFIRMERS: Final = ("archivist", "custodian", "auditor", "compliance", "witness")


async def confirm(desk: Desk, order: str, *, now: int) -> tuple[Job, Confirmation]:
    """Try to read the records of a job, and note that none could be read. Repeatable.

    Args:
        desk: of who confirms, with the Vault role ``sweeper``, which may show old keys to Vault.
        order: the job's id, or the destroy command's where no other has it.
        now: UNIX seconds.

    Raises:
        DanganError: DG-DES-040 (no such job), 041 (it is not certified yet), 042 (something could still be read), 043
            (who executed or applied cannot confirm).
    """
    found = await jobs(desk.database, paper_required=False, orders={order})
    if len(found) != 1:  # two senders chose the same command id: the job's own id tells them apart
        raise DanganError("DG-DES-040", detail=order)
    (job,) = found
    said = job.order.application
    if desk.operator in (job.order.requester, said.applicant if said else None):
        raise DanganError("DG-DES-043", detail=desk.operator)
    if set(job.states) != {State.CERTIFIED} or job.states[State.CERTIFIED] != len(job.order.records):
        raise DanganError("DG-DES-041", detail="; ".join(job.missing[:-1]))
    entries = list((await Ledger(desk.database).get(job.order.records)).values())
    async with desk.attempt("sweep", record=job_id(job.order)):  # old keys are shown to Vault: a run, not a theft
        copies = await check_unreadable(desk, entries)
    facts: dict[str, Said] = {
        "records": len(entries), "live": 0, "copies": copies, "certificate": job.certificates,
        "executor": job.order.requester,
    }  # fmt: skip
    entry = await Book(desk, CONFIRMATIONS).begin(job_id(job.order), "confirmation", facts, now=now)
    return job, entry


async def check_unreadable(desk: Desk, entries: Sequence[Entry]) -> int:
    """Check that no live page and no old key opens anything of the records; return how many old keys were refused.

    Raises:
        DanganError: DG-DES-042 naming where something could still be read.
    """
    records = [entry.record for entry in entries]
    standing = await Tombstones(desk.database).standing(records)
    if living := set(records) - set(standing):
        raise DanganError("DG-DES-042", field=min(living), detail="no tombstone")
    live = await Pages(desk.database).get({old.page for entry in entries for old in entry.traces.old_keys})
    by_root: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        for old in entry.traces.old_keys:
            if old.page in live and old.slot in live[old.page].slots:
                raise DanganError("DG-DES-042", field=entry.record, detail="a live page")
            by_root[old.root].add(old.wrapped_key)
    for root, texts in sorted(by_root.items()):
        for answer in await desk.transit.rewrap(root, sorted(texts)):
            if not isinstance(answer, KeyRefused) or answer.reason != VERSION_GONE:
                raise DanganError("DG-DES-042", field=root, detail="an old key page")
    return sum(map(len, by_root.values()))
