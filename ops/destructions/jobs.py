"""Destruction jobs (销毁任务; clauses DES-09, DES-10): how far each order is, what is missing, and the register of all.

A job is nothing that is kept by itself: it is what the ledger, the certificates, the media ledger and the register of
confirmations say of one order, so that it cannot say anything else than they do.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from keys.approvals import request_digest
from keys.ledger import REPLAYED, Order, State
from ops.custody.checklist import open_items
from schemas.errors import Refusal
from schemas.needs import CONFIRMATIONS
from schemas.registers import Entry as Confirmation
from store.database import Database
from store.ledger import Ledger
from store.registers import Register
from store.shares import outgoing

_PAGE: Final = 1000
_JOBS: Final = uuid.UUID("2f0d9c4a-5b7e-4a3c-9d1e-6c8b7a5f4e3d")
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
        shares: outgoing shares that hold something of its records and are not closed: to be recalled (SHR-10).
        papers: references of papers and media of its records that are not recorded destroyed.
        confirmation: of somebody who was neither applicant nor executor.
    """

    order: Order
    states: Mapping[State, int]
    certificates: tuple[str, ...]
    papers: tuple[str, ...]
    shares: tuple[str, ...]
    confirmation: Confirmation | None

    @property
    def missing(self) -> tuple[str, ...]:
        """What has to be done before it is closed, in that order."""
        steps = []
        # A record without an entry of this order is another's, or was never touched: this one did not destroy it.
        if self.states.get(State.PENDING) or sum(self.states.values()) < len(self.order.records):
            steps.append("forgetting")
        if self.states.get(State.PENDING) or self.states.get(State.FORGOTTEN):
            steps.append("sweep")
        steps += [f"paper result: {each}" for each in self.papers]
        steps += [f"recall of share: {each}" for each in self.shares]
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


@lru_cache(maxsize=1024)
def job_id(order: Order) -> str:
    """What a job is called: the beginning of its request's digest, as a UUID. A command id is its sender's choice."""
    try:
        return str(uuid.UUID(request_digest(order)[:32]))
    except Refusal:
        return str(uuid.uuid5(_JOBS, f"{order.requester} {order.command}"))


def _names(order: Order) -> tuple[str, str]:
    """What a job is asked for by."""
    return order.command, job_id(order)


@dataclass(slots=True)
class _Counted:
    states: Counter[State] = field(default_factory=Counter)
    certificates: set[str] = field(default_factory=set)


async def jobs(database: Database, *, paper_required: bool, orders: Set[str] | None = None) -> list[Job]:
    """Every order in the ledger, or some, the oldest first. What a restore destroyed again is no order of anybody's.

    Args:
        database: the archive's.
        paper_required: whether papers and media keep a job open (destroy.paper_required).
        orders: only those with these job ids, or with these command ids.
    """
    by_order: dict[Order, _Counted] = {}
    for state in State:
        after = ""
        while entries := await Ledger(database).in_state(state, after=after, limit=_PAGE):
            for entry in entries:
                if entry.order.ground != REPLAYED and (orders is None or orders & {*_names(entry.order)}):
                    counted = by_order.setdefault(entry.order, _Counted())
                    counted.states[entry.state] += 1
                    counted.certificates |= {entry.certificate} if entry.certificate else set()
            after = entries[-1].record
    confirmed = await Register(database, CONFIRMATIONS.name).get({job_id(each) for each in by_order})
    found = [
        Job(
            each,
            counted.states,
            tuple(sorted(counted.certificates)),
            await _papers(database, each.records) if paper_required else (),
            tuple(sorted(share.id for share in await outgoing(database, each.records))),
            confirmed.get(job_id(each)),
        )
        for each, counted in by_order.items()
    ]
    return sorted(found, key=lambda job: (job.order.at, job.order.command))


def by_name(found: Iterable[Job]) -> dict[str, Job]:
    """Jobs by what they are asked for by; of two with one command id the older."""
    named: dict[str, Job] = {}
    for job in found:
        for name in _names(job.order):
            named.setdefault(name, job)
    return named


async def _papers(database: Database, records: Collection[str]) -> tuple[str, ...]:
    items = await open_items(database, records)
    return tuple(sorted({item.reference or f"{item.record}: absence not stated" for item in items}))


def line(job: Job, *, now: int) -> dict[str, str]:
    """A job as a line of :data:`JOBS`."""
    return {
        "job": job_id(job.order),
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
        "job": job_id(job.order),
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
