"""The approvals of core-sensitive collection (核心敏感资料, clause COL-13), verified and held; what each one covers.

What stands in the database proves nothing: whoever can write to it can write an approval. The approver's signature,
with a key registered for a person with the role ``approver``, is what he cannot write.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import keys.approvals
from consumers.approvals import Registered
from consumers.authorize import Authorizer
from keys.ledger import Approver
from schemas.approvals import ApprovalAction
from schemas.collection_approval import Approved
from schemas.errors import Refusal
from schemas.levels import Level
from store.collection_approvals import SignedApproval

#: The role of those who may approve.
APPROVER: Final = "approver"
_ACTIONS: Final[tuple[ApprovalAction, ...]] = ("approve-collection",)
#: So many approvals are held at most: commands name them freely.
_HELD: Final = 2048
#: An approval that is not there, or does not count, is looked for again after so many seconds.
_MISSING_FOR: Final = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an approval has to cover.

    Attributes:
        names: core-sensitive fields, and kinds of attachment as ``attachment.KIND``.
        form: the form and version that is collected on, if any.
        by: who collects; none of them approves.
        at_ms: when, UNIX milliseconds.
    """

    names: frozenset[str]
    purpose: str
    form: str | None
    by: frozenset[str | None]
    at_ms: int


def check_covered(wanted: Wanted, reference: str | None, approvals: Mapping[str, Approved], *, place: str) -> None:
    """Check that the approval which a command names covers what it brings (clause COL-13).

    Args:
        wanted: what it brings.
        reference: the approval that it names.
        approvals: those that count, by reference.
        place: the member that names it.

    Raises:
        Refusal: DG-COL-019.
    """
    if reference is None:
        raise Refusal("DG-COL-019", field=place)
    approved = approvals.get(reference)
    if approved is None:
        raise Refusal("DG-COL-019", field=place, detail="not registered, or its signature does not count")
    document = approved.document
    uncovered = sorted(wanted.names - document.fields)
    wrong = None
    if approved.approver in wanted.by:
        wrong = "given by who collects"
    elif document.purpose != wanted.purpose or document.form not in (None, wanted.form):
        wrong = "given for another purpose or form"
    elif not document.not_before * 1000 <= wanted.at_ms < document.not_after * 1000:
        wrong = "not valid at this time"
    elif uncovered:
        wrong = f"does not cover {', '.join(uncovered)}"
    if wrong:
        raise Refusal("DG-COL-019", field=place, detail=wrong)


class Given(Protocol):
    """Where approvals are kept (store/collection_approvals.py)."""

    async def get(self, ids: Collection[str], /) -> dict[str, SignedApproval]:
        """The approvals that exist among ``ids``."""


def verified(signed: SignedApproval, directory: Registered, authorizer: Authorizer, now: float) -> Approved:
    """The approval, if its signature counts.

    Args:
        signed: document and signature; it must have been signed before it begins, at most 30 days before.
        directory: who is registered.
        authorizer: says who may sign.
        now: UNIX seconds.

    Raises:
        Refusal: DG-APR-002 (invalid), 004 (over another document), 005 (not an approver), 006 (too old or ahead).
    """

    def approver(kid: str, at: int) -> Approver | None:
        known = directory.signer(kid)
        if known is None or not known[1].valid_at(at) or not known[1].valid_at(now):
            return None
        return Approver(known[0], known[1].x)

    (found,) = keys.approvals.verified(
        [signed.approval],
        actions=_ACTIONS,
        digest=signed.document.digest(),
        requester=None,
        approver=approver,
        at=signed.document.not_before,
    )
    who = directory.principal(found.who.id)
    if who is None or APPROVER not in who.roles or not authorizer.allows(who, found.action, Level.CORE, "approval"):
        raise Refusal("DG-APR-005", detail=found.who.id)
    return Approved(signed.document, who.id)


class KnownApprovals:
    """Looks approvals up by reference; what is found is held for ``max_age`` seconds, that there is none for one.

    Args:
        given: where they are kept.
        directory: who is registered.
        authorizer: says who may sign.
        max_age: seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        given: Given,
        directory: Registered,
        authorizer: Authorizer,
        *,
        max_age: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._given = given
        self._directory = directory
        self._authorizer = authorizer
        self._max_age = max_age
        self._clock = clock
        self._held: dict[str, tuple[float, Approved | None]] = {}

    async def known(self, references: Collection[str], now: float) -> Mapping[str, Approved]:
        """Those of the approvals that count now.

        Args:
            references: what commands name.
            now: UNIX seconds, for the validity of keys.
        """
        at = self._clock()
        if len(self._held) > _HELD:
            self._held.clear()
        unknown = {each for each in references if each not in self._held or at > self._held[each][0]}
        if unknown:
            found = await self._given.get(unknown)
            for each in unknown:
                approved = self._counts(found.get(each), now)
                self._held[each] = (at + (self._max_age if approved else _MISSING_FOR), approved)
        return {each: held for each in references if (held := self._held[each][1]) is not None}

    def _counts(self, signed: SignedApproval | None, now: float) -> Approved | None:
        if signed is None:
            return None
        try:
            return verified(signed, self._directory, self._authorizer, now)
        except Refusal:
            return None
