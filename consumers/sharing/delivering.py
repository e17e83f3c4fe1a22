"""Delivery (提供): whether a share may be released now, and what is opened for it.

Nothing that the database says of approvals is believed: the signatures are verified again, over the digest that the
stored application gives (SHR-03), and whoever gave them must still be one who may. All other gates are asked again too:
an agreement may have ended, a consent been withdrawn, a registration changed since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from consumers.about import about
from consumers.approvals import Registered
from consumers.reading.leases import Lease
from consumers.reading.readable import check_record
from consumers.reading.shelf import Asked, Found, Shelf
from consumers.received import Received
from consumers.rules import Rules
from consumers.sharing import gates
from consumers.sharing.asking import Sight, check_gates
from consumers.sharing.endorsing import approval_holds
from consumers.sharing.packing import Row
from keys.pages import Page
from schemas.approvals import digest_of
from schemas.errors import DanganError, Refusal
from schemas.levels import Level
from schemas.principals import Principal
from schemas.sharing import Deliver, Share
from store.record import Record
from store.shares import Shared

#: Of one share: packages that were made, those of repeated commands among them.
MAX_DELIVERIES = 64


def check_state(share: Shared, now: float) -> None:
    """Refuse what is not approved, over, recalled, or was delivered too often.

    Raises:
        Refusal: DG-SHR-030, 051, 054.
    """
    if share.missing:
        raise Refusal("DG-SHR-030", detail=share.missing[0])
    if share.rejected:
        raise Refusal("DG-SHR-051", detail="rejected")
    if share.state not in ("approved", "delivered", "acknowledged"):
        raise Refusal("DG-SHR-051", detail=share.state)
    if share.over(now):
        raise Refusal("DG-SHR-051", detail="expired")
    if len(share.deliveries) >= MAX_DELIVERIES:
        raise Refusal("DG-SHR-054")


def check_approvals(share: Shared, directory: Registered, rules: Rules) -> None:
    """Verify that each post of the rule book has signed this very application, each another person (SHR-03).

    Raises:
        Refusal: DG-SHR-031 to 039.
    """
    command = Share.model_validate(share.request)
    digest = digest_of(command, share.applicant)
    approval = rules.book.approval
    posts = approval.external if command.kind == "external" else approval.internal
    signed = share.approved
    for post, step in zip(posts, signed, strict=False):
        who = approval_holds(step, digest, share.applicant, directory)
        if post not in who.roles or not rules.authorizer.allows(who, "approve-share", Level.BASIC, "share"):
            raise Refusal("DG-SHR-038", detail=who.id)
    if len(signed) < len(posts):
        raise Refusal("DG-SHR-039", detail=posts[len(signed)])
    if len({step.by for step in signed}) < len(signed) or len({step.x for step in signed}) < len(signed):
        raise Refusal("DG-SHR-037")


def decide_deliver(received: Received[Deliver], share: Shared, sight: Sight, now: float) -> Principal:
    """Check that a share may be released now, by this sender; the recipient.

    Args:
        share: the one it names.
        sight: as things are now.
        now: UNIX seconds.

    Raises:
        Refusal: DG-CMD-004, DG-INC-001, 002, DG-SHR-010 to 039, 051, 054.
    """
    sender, rules = received.sender, sight.rules
    if not rules.authorizer.allows(sender, "deliver", Level.BASIC, "share"):
        raise Refusal("DG-CMD-004")
    for record in sight.found.values():  # frozen because of an incident (SEC-11)
        rules.frozen.check_change(sender, record.id)
    check_state(share, now)
    check_approvals(share, sight.directory, rules)
    gates.check_enclosures(received.command.enclosures)
    command = Share.model_validate(share.request)
    recipient = check_gates(command, share.department, share.level, sight, now)
    things = [about(record) for record in sight.found.values()]
    if gates.is_important(share.level, things, rules.book.transfer) and sender.id != command.carrier:
        raise Refusal("DG-SHR-026", field="carrier")
    return recipient


async def opened(
    share: Shared,
    applicant: Principal | None,
    found: Mapping[str, Record],
    pages: Mapping[str, Page],
    shelf: Shelf,
    rules: Rules,
) -> list[Row]:
    """Open the share's records as its applicant may see them: the fields of the share, and no others.

    Raises:
        Refusal: DG-SHR-052 with the code of why one cannot be provided.
        Transient: a dependency does not answer.
    """
    command = Share.model_validate(share.request)
    purpose, asked = command.purpose or "", list[Asked]()
    for name in command.records:
        record = found.get(name)
        if record is None or applicant is None:
            raise Refusal("DG-SHR-052", detail=Refusal("DG-ACC-007").code)
        try:
            check_record(record, None, applicant, share.level, purpose, rules.authorizer, rules.book.use)
        except Refusal as refusal:
            raise Refusal("DG-SHR-052", detail=refusal.code) from None
        lease = Lease(command.fields, frozenset(command.fields), share.level)
        asked.append(Asked(record, lease, purpose, applicant))
    return _rows(asked, await shelf.open(asked, pages))


def _rows(asked: Sequence[Asked], answers: Sequence[Found | DanganError]) -> list[Row]:
    rows: list[Row] = []
    for each, answer in zip(asked, answers, strict=True):
        if isinstance(answer, DanganError):
            raise Refusal("DG-SHR-052", detail=answer.code)
        rows.append(Row(each.record.id, each.record.subject, answer.values))
    return rows
