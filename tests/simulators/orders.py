"""Orders to destroy, rightly approved by two people whose keys are made up."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache

from keys.ledger import Approver, Order
from keys.principal_keys import PrincipalKeys
from ops.commands.approve import sign_approval
from schemas.commands import Destroy


@cache
def keys_of(person: str) -> PrincipalKeys:
    """The one pair of keys that a person has in all tests."""
    return PrincipalKeys.generate(person)


def approved(
    *records: str,
    command: str | None = None,
    requester: str = "per:archivist",
    at: int = 1000,
    by: Sequence[str] = ("per:one", "per:two"),
) -> Order:
    """The order of a command that destroys those records; the same records give the same command."""
    request = Destroy(
        id=command or str(uuid.uuid5(uuid.NAMESPACE_URL, " ".join(records))),
        type="destroy",
        records=records,
        ground="subject_request",
        reason="asked for by its subject",
        approvals=(),
    )
    return Order(
        request.id,
        requester,
        request.ground,
        tuple(sign_approval(request, requester, keys_of(person), now=at) for person in by),
        at,
        request.reason,
        records,
        tuple(Approver(person, keys_of(person).signing.x) for person in by),
    )
