"""What people do about collection: approve core-sensitive fields, look into a matter, see what was withdrawn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Final

import keys.signer
from consumers.collection_approvals import verified
from consumers.rules import Rules
from keys.principal_keys import PrincipalKeys
from ops.audited import Desk, stored_digest
from ops.people.believed import directory as as_believed
from ops.registry import refuse_personal
from schemas.collection_approval import ATTACHMENT, Approved, CollectionApproval
from schemas.errors import DanganError
from schemas.levels import Level
from store import matters
from store.collection_approvals import CollectionApprovals, SignedApproval, approval_document
from store.consents import Consents

#: The columns of the lists.
STEPS: Final = ("happened", "entered", "late by hours", "record", "item", "entered by")
WITHDRAWN: Final = ("record", "subject", "consent")
APPROVALS: Final = ("approval", "purpose", "form", "fields", "from", "until")


async def approve(at: Desk, rules: Rules, document: CollectionApproval, keys: PrincipalKeys, *, now: int) -> Approved:
    """Sign a collection approval and keep it (clause COL-13). The same again changes nothing.

    Args:
        at: the approver's desk.
        rules: the catalogue and the forms that the approval must fit.
        document: what is approved.
        keys: the approver's.
        now: UNIX seconds.

    Raises:
        DanganError: DG-OPS-036 for an id that is no opaque reference; DG-COL-001, 005, 006 or 016, DG-ATT-002 or 003
            for what is not in the catalogue; DG-COL-028 when there is another approval of that id; DG-APR-002 to 006
            when the signature would not count.
    """
    refuse_personal(approval=document.id)
    rules.catalogue.purpose(document.purpose)
    for name in sorted(document.fields):
        if _level(name, document.purpose, rules) is not Level.CORE:
            raise DanganError("DG-COL-005", field=name, detail="only core-sensitive fields need an approval")
    form = rules.forms.forms.get(document.form) if document.form else None
    if document.form and (form is None or document.purpose not in form.purposes):
        raise DanganError("DG-COL-016", field=document.form)
    signed = SignedApproval(document, sign(document, keys, now=now))
    directory = await as_believed(at, rules.book.people)
    approved = verified(signed, directory, rules.authorizer, now)
    approvals = CollectionApprovals(at.database)
    standing = (await approvals.get([document.id])).get(document.id)
    if standing is not None and standing.document == document:
        return approved
    if standing is None:
        await at.record(
            "approve",
            verb="give",
            grant=document.id,
            purpose=document.purpose,
            fields=tuple(sorted(document.fields)),
            digest=stored_digest(approval_document(signed)),
        )
        if await approvals.put(signed):
            return approved
    raise DanganError("DG-COL-028", detail=document.id)


def _level(name: str, purpose: str, rules: Rules) -> Level:
    """The level of a field or a kind of attachment that the purpose needs."""
    if not name.startswith(ATTACHMENT):
        return rules.catalogue.needed_field(name, purpose).level
    kind = rules.catalogue.attachments.get(name.removeprefix(ATTACHMENT))
    if kind is None:
        raise DanganError("DG-ATT-002", field=name)
    if purpose not in kind.purposes:
        raise DanganError("DG-ATT-003", field=name)
    return kind.level


def sign(document: CollectionApproval, approver: PrincipalKeys, *, now: int) -> str:
    """The approver's signature over the document: a compact JWS (schemas/approvals.py); ``now`` in UNIX seconds."""
    return keys.signer.approval(
        approver.signing,
        approver=approver.principal,
        action="approve-collection",
        digest=document.digest(),
        at=now,
    )


async def approvals_given(at: Desk) -> AsyncIterator[Mapping[str, str]]:
    """Every approval, as lines of :data:`APPROVALS`."""
    async for each in CollectionApprovals(at.database).all():
        it = each.document
        yield {
            "approval": it.id,
            "purpose": it.purpose,
            "form": it.form or "any",
            "fields": ", ".join(sorted(it.fields)),
            "from": _time(it.not_before * 1000),
            "until": _time(it.not_after * 1000),
        }


async def matter(at: Desk, rules: Rules, reference: str) -> AsyncIterator[Mapping[str, str]]:
    """The steps of a matter (关键节点, clause COL-16) in their order, as lines of :data:`STEPS`.

    Raises:
        DanganError: DG-OPS-036 when it is no opaque reference.
    """
    refuse_personal(matter=reference)
    for step in await matters.steps(at.database, reference):
        late = step.late_by(rules.book.collection.late_after_hours)
        yield {
            "happened": _time(step.happened_ms) if step.happened_ms is not None else "not said",
            "entered": _time(step.entered_ms),
            "late by hours": str(late) if late else "",
            "record": step.record,
            "item": step.item or "",
            "entered by": step.by,
        }


async def withdrawn(at: Desk) -> AsyncIterator[Mapping[str, str]]:
    """Records that wait for their destruction since their consent was withdrawn, as lines of :data:`WITHDRAWN`."""
    async for record, subject, consent in Consents(at.database).blocked():
        yield {"record": record, "subject": subject, "consent": consent}


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
