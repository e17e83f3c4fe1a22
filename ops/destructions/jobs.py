"""Destruction jobs (销毁任务; clauses DES-09, DES-10): how far each order is, what is missing, and the register of all.

A job is nothing that is kept by itself: it is what the ledger, the certificates, the media ledger and the register of
confirmations say of one order, so that it cannot say anything else than they do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from keys.ledger import Entry, Order, State
from ops.custody.checklist import open_items
from schemas.needs import CONFIRMATIONS
from schemas.registers import Entry as Confirmation
from store.database import Database
from store.ledger import Ledger
from store.registers import Register

_PAGE: Final = 1000
JOBS: Final = ("job", "decided", "records", "ground", "executor", "state", "missing", "age in days")
REGISTER: Final = (
    "job", "decided", "ground", "reason", "scope", "records", "method", "tool", "applicant", "approvers", "executor",
    "witness", "certificates", "confirmed by", "confirmed",
)  # fmt: skip
TOOL: Final = "dangan: key pages without the slots, root versions trimmed in Vault"


@dataclass(frozen=True, slots=True)
class Job:
    """One order and what became of it.

    Attributes:
        order: what was asked for, approved and carried out.
        states: how many of its records are pending, forgotten, certified.
        certificates: their serials.
        papers: references of papers and media of its records that are not recorded destroyed.
        confirmation: of somebody who was neither applicant nor executor.
    """

    order: Order
    states: Mapping[State, int]
    certificates: tuple[str, ...]
    papers: tuple[str, ...]
    confirmation: Confirmation | None

    @property
    def missing(self) -> tuple[str, ...]:
        """What has to be done before it is closed, in that order."""
        steps = []
        if self.states.get(State.PENDING):
            steps.append("forgetting")
        if self.states.get(State.PENDING) or self.states.get(State.FORGOTTEN):
            steps.append("sweep")
        steps += [f"paper result: {each}" for each in self.papers]
        if self.confirmation is None:
            steps.append("confirmation")
        return tuple(steps)

    @property
    def state(self) -> str:
        """One word for people."""
        if not self.missing:
            return "closed"
        if self.states.get(State.PENDING):
            return "begun"
        return "forgotten" if self.states.get(State.FORGOTTEN) else "certified"


async def jobs(database: Database, *, paper_required: bool, order: str | None = None) -> list[Job]:
    """Every order in the ledger, or one, the oldest first.

    Args:
        database: the archive's.
        paper_required: whether papers and media keep a job open (destroy.paper_required).
        order: only the one with this command id.
    """
    by_order: dict[Order, list[Entry]] = {}
    for state in State:
        after = ""
        while entries := await Ledger(database).in_state(state, after=after, limit=_PAGE):
            for entry in entries:
                if order in (None, entry.order.command):
                    by_order.setdefault(entry.order, []).append(entry)
            after = entries[-1].record
    confirmed = await Register(database, CONFIRMATIONS.name).get({each.command for each in by_order})
    found = [
        Job(
            each,
            Counter(entry.state for entry in entries),
            tuple(sorted({entry.certificate for entry in entries if entry.certificate})),
            await _papers(database, [entry.record for entry in entries]) if paper_required else (),
            confirmed.get(each.command),
        )
        for each, entries in by_order.items()
    ]
    return sorted(found, key=lambda job: (job.order.at, job.order.command))


async def _papers(database: Database, records: Collection[str]) -> tuple[str, ...]:
    items = await open_items(database, records)
    return tuple(sorted({item.reference or f"{item.record}: absence not stated" for item in items}))


def line(job: Job, *, now: int) -> dict[str, str]:
    """A job as a line of :data:`JOBS`."""
    return {
        "job": job.order.command,
        "decided": _when(job.order.at),
        "records": str(sum(job.states.values())),
        "ground": job.order.ground,
        "executor": job.order.requester,
        "state": job.state,
        "missing": "; ".join(job.missing),
        "age in days": str((now - job.order.at) // 86_400),
    }


def register_line(job: Job) -> dict[str, str]:
    """A job as a line of :data:`REGISTER`: the destruction record, without any content (销毁记录)."""
    said = job.order.application
    confirmed = job.confirmation.steps[0] if job.confirmation else None
    return {
        "job": job.order.command,
        "decided": _when(job.order.at),
        "ground": job.order.ground,
        "reason": job.order.reason,
        "scope": (said.scope if said else None) or "",
        "records": str(sum(job.states.values())),
        "method": (said.method if said else None) or "key_destruction",
        "tool": TOOL,
        "applicant": (said.applicant if said else None) or "",
        "approvers": " ".join(who.id for who in job.order.approvers),
        "executor": job.order.requester,
        "witness": (said.witness if said else None) or "",
        "certificates": " ".join(job.certificates),
        "confirmed by": confirmed.by if confirmed else "",
        "confirmed": _when(confirmed.at) if confirmed else "",
    }


def _when(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
