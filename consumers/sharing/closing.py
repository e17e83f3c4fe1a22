"""Receipt, recall, confirmed deletion (签收、收回、确认删除; SHR-10, SHR-11): the steps that end a share. Pure."""

from __future__ import annotations

from dataclasses import replace

from consumers.received import Received
from consumers.rules import Rules
from consumers.sharing.statements import verified_statement
from schemas.errors import Refusal
from schemas.levels import Level
from schemas.sharing import Acknowledge, ConfirmDeletion, RecallShare
from schemas.values import looks_personal
from store.shares import OUTSIDE, Recall, Said, Shared


def acknowledged(received: Received[Acknowledge], share: Shared, now: float) -> Shared:
    """The share with the recipient's receipt; the same share when it has that receipt.

    Raises:
        Refusal: DG-SHR-060 to 062.
    """
    command = received.command
    statement = verified_statement(command.statement, share, "received", now)
    if any(said.says == "received" and said.package == statement.package for said in share.said):
        return share
    said = Said("received", statement.package, statement.at, command.statement, command.id, received.sender.id)
    state = "acknowledged" if share.state == "delivered" else share.state
    return replace(share, said=(*share.said, said), state=state)


def recalled(received: Received[RecallShare], share: Shared, rules: Rules, now: float) -> Shared:
    """The share as recalled; what nobody has yet is closed at once.

    Its applicant may recall it, and whoever may send packages.

    Raises:
        Refusal: DG-CMD-001, 004, DG-COL-007, DG-SHR-051.
    """
    command, sender = received.command, received.sender
    if looks_personal(command.reason):
        raise Refusal("DG-COL-007", field="reason")
    if sender.id != share.applicant and not rules.authorizer.allows(sender, "deliver", Level.BASIC, "share"):
        raise Refusal("DG-CMD-004")
    if share.recall is not None and (share.recall.command, share.recall.sender) == (command.id, sender.id):
        if share.recall.reason != command.reason:
            raise Refusal("DG-CMD-001")
        return share
    if share.recall is not None or share.state in ("rejected", "closed"):
        raise Refusal("DG-SHR-051", detail=share.state)
    recall = Recall(int(now), command.reason, command.id, sender.id)
    return replace(share, recall=recall, state="recalled" if share.deliveries else "closed")


def confirmed(received: Received[ConfirmDeletion], share: Shared, now: float) -> Shared:
    """The share as closed, by the recipient's statement that nothing of it is left; the same when it is closed so.

    Raises:
        Refusal: DG-SHR-051, 060 to 062.
    """
    command = received.command
    statement = verified_statement(command.statement, share, "deleted", now)
    if any(said.says == "deleted" for said in share.said):
        return share
    if share.state not in OUTSIDE:
        raise Refusal("DG-SHR-051", detail=share.state)
    said = Said("deleted", statement.package, statement.at, command.statement, command.id, received.sender.id)
    return replace(share, said=(*share.said, said), state="closed")
