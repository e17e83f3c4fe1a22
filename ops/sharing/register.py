"""The register of shares (共享登记、跟踪; SHR-11), and recalls that nobody has confirmed yet (SHR-10)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

from ops.audited import Desk
from schemas.errors import DanganError
from store.database import Database
from store.shares import OPEN, OUTSIDE, Shared, Shares

Line = Mapping[str, str]
LINES: Final = (
    "share", "kind", "to", "records", "fields", "form", "purpose", "basis", "approved by", "agreement", "released",
    "until", "state",
)  # fmt: skip
OVERDUE: Final = ("share", "to", "agreement", "why", "due since", "days", "packages")


async def lines(database: Database, *, now: float, waiting: bool = False) -> AsyncGenerator[Line]:
    """Every share as a line of :data:`LINES`, those that end first before others.

    Args:
        database: the archive's.
        now: UNIX seconds.
        waiting: only those that wait for an opinion or a signature.
    """
    async with aclosing(Shares(database).all(states=OPEN if waiting else None)) as shares:
        async for share in shares:
            yield line_of(share, now=now)


async def overdue(database: Database, *, now: float) -> AsyncGenerator[Line]:
    """Shares that are over and whose return or deletion the recipient has not confirmed: lines of :data:`OVERDUE`."""
    async with aclosing(Shares(database).all(states=OUTSIDE)) as shares:
        async for share in shares:
            due = share.due(now)
            if due is not None:
                yield {
                    "share": share.id,
                    "to": share.request["recipient"],
                    "agreement": share.request["agreement"] or "",
                    "why": share.recall.reason if share.recall else "the end date has passed",
                    "due since": _time(due),
                    "days": str(int(now - due) // 86_400),
                    "packages": str(len(share.deliveries)),
                }


async def one(desk: Desk, name: str) -> Shared:
    """One share.

    Raises:
        DanganError: DG-SHR-050.
    """
    share = await Shares(desk.database).get(name)
    if share is None:
        raise DanganError("DG-SHR-050", field="share")
    return share


def line_of(share: Shared, *, now: float) -> Line:
    """A share as a line. Pure."""
    request = share.request
    return {
        "share": share.id,
        "kind": request["kind"],
        "to": request["recipient"],
        "records": ", ".join(request["records"]),
        "fields": ", ".join(request["fields"]),
        "form": request["form"],
        "purpose": request["purpose"],
        "basis": request["basis"],
        "approved by": ", ".join(step.by for step in share.approved),
        "agreement": request["agreement"] or "",
        "released": _time(share.deliveries[0].at) if share.deliveries else "",
        "until": _time(share.until),
        "state": standing(share, now=now),
    }


def standing(share: Shared, *, now: float) -> str:
    """How far a share is, as people say it. Pure."""
    if share.due(now) is not None:
        return "to be confirmed deleted"
    if share.state in (*OPEN, "approved") and now >= share.until:
        return "expired"
    if share.state in OPEN:
        return f"waits for {share.missing[0]}'s opinion" if share.missing else f"waits for {share.next_post}"
    return share.state


def as_dict(share: Shared, *, now: float) -> dict[str, Any]:
    """All that is known of a share, for JSON; without the signatures themselves. Pure."""
    steps = [
        {"action": step.action, "by": step.by, "post": step.post, "at": step.at, "reason": step.reason}
        for step in share.steps
    ]
    packages = [
        {"sha256": each.package, "at": each.at, "by": each.sender, "key": each.kid} for each in share.deliveries
    ]
    said = [{"says": each.says, "sha256": each.package, "at": each.at} for each in share.said]
    recall = {"at": share.recall.at, "reason": share.recall.reason, "by": share.recall.sender} if share.recall else None
    told = {"applicant": share.applicant, "level": share.level.value, "until_at": share.until, "digest": share.digest}
    return {
        **share.request,
        **told,
        "standing": standing(share, now=now),
        "missing_opinions": share.missing,
        "next_post": share.next_post,
        "steps": steps,
        "packages": packages,
        "statements": said,
        "recall": recall,
    }


def _time(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
