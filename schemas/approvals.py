"""Approvals: a signature over the digest of exactly one request (never a flag).

An approval is a compact JWS (alg Ed25519, typ ``dangan-approval+jws``) over
``{"action", "digest", "approver", "at"}``. The digest is the SHA-256 of the request's canonical JSON
(members sorted, no spaces, UTF-8; RFC 8785 for the types that requests use) without its approvals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.commands import Signable
from schemas.intake import Reference
from schemas.staff import PermissionReview, StaffDocument

TYP_APPROVAL: Final = "dangan-approval+jws"
#: How many distinct approvers a destruction takes at least (clause DES-05).
APPROVERS_NEEDED: Final = 2

ApprovalAction = Literal[
    "approve-destroy", "hand-over", "take-over", "confirm-archive", "approve-collection", "approve-update", "merge",
    "approve-use", "reject-use", "opine", "approve-share", "reject-share",
    "approve-permission", "review-permissions", "approve-extension",
    "apply-destroy", "witness-destroy", "approve-seal", "approve-unseal", "approve-thaw",
]  # fmt: skip
#: Type of a command, or of a document of schemas/staff.py -> what its signers sign; what is meant by default first.
ACTIONS_OF: Final[Mapping[str, tuple[ApprovalAction, ...]]] = MappingProxyType(
    {
        "destroy": ("approve-destroy", "apply-destroy", "witness-destroy"),
        "hand_over": ("hand-over", "take-over"),
        "confirm": ("confirm-archive",),
        "merge": ("merge",),
        "unmerge": ("merge",),
        "decide": ("approve-update",),
        "seal": ("approve-seal",),
        "unseal": ("approve-unseal",),
        "extend_retention": ("approve-extension",),
        "thaw": ("approve-thaw",),
        "apply": ("approve-use", "reject-use", "opine"),
        "share": ("approve-share", "reject-share", "opine"),
        "permission_change": ("approve-permission",),
        "staff_hand_over": ("take-over", "approve-destroy"),
    }
)


class Approval(BaseModel):
    """What an approver signs.

    ``at`` is the time of signing in UNIX seconds; ``approver`` the signer's principal id.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: ApprovalAction
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    approver: Reference
    at: Annotated[int, Field(ge=0)]


def digest_of(request: Signable | StaffDocument | PermissionReview, requester: str) -> str:
    """The digest that approvers sign: over the request without its approvals, and who makes it."""
    document = request.model_dump(mode="json", exclude={"approvals"})
    if document.get("application", "") is None:
        del document["application"]  # a destruction without one: certificates from before there was any stay verifiable
    document["requester"] = requester
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
