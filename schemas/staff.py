"""Documents about people that others sign: changes of permissions, hand-overs of leavers, reviews of permissions.

They are no commands: an administrator, or the reviewer, carries them out (ops/people/). Each signer signs the digest of
the document and of who carries it out (schemas/approvals.digest_of).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from schemas.intake import Name, Reference
from schemas.levels import Level
from schemas.locales import Locale
from schemas.members import STRICT, CommandId, Text

MAX_ROLES = 16
MAX_SCOPE = 64
#: Records, grants and other things that one person may hand over in one list.
MAX_ITEMS = 200_000
Department = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,47}$")]
ScopeValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Moment = Annotated[int, Field(ge=0, lt=1 << 40)]
KeyText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
Items = Annotated[tuple[Reference, ...], Field(max_length=MAX_ITEMS)]
Kids = Annotated[tuple[KeyText, ...], Field(max_length=64)]


class NewKeys(BaseModel):
    """Raw Ed25519 and X25519 public keys, 32 bytes each, base64url without padding."""

    model_config = STRICT

    signing: KeyText
    receiving: KeyText


class PermissionChange(BaseModel):
    """An application for permissions or a change of them (权限申请, clause SEC-04): all that will be registered.

    ``from_version`` is the version of the registration that it changes, 0 for a new one: what changed since was not
    signed for. Without ``keys`` the registered ones stay.
    """

    model_config = STRICT

    type: Literal["permission_change"] = "permission_change"
    id: CommandId
    principal: Reference
    kind: Literal["person", "system"]
    roles: Annotated[tuple[Reference, ...], Field(max_length=MAX_ROLES)]
    department: Department
    clearance: Level
    scope: Annotated[tuple[tuple[Name, ScopeValue], ...], Field(max_length=MAX_SCOPE)] = ()
    agreement: Reference | None = None
    agreement_until: Moment | None = None
    keys: NewKeys | None = None
    days: Annotated[int, Field(ge=1, le=3650)] = 365
    locale: Locale | None = None
    from_version: Annotated[int, Field(ge=0)]
    reason: Text


class StaffHandOver(BaseModel):
    """What a leaver, or who changes post, hands over in full (离职、离岗交接清单, clause SEC-14).

    ``records`` are those in their custody, ``grants`` run on their name and end, ``keys`` are revoked; ``media`` are
    papers, drives and working copies by reference. ``destroy`` is what nobody needs: two persons destroy it.
    """

    model_config = STRICT

    type: Literal["staff_hand_over"] = "staff_hand_over"
    id: CommandId
    principal: Reference
    successor: Reference
    records: Items = ()
    grants: Items = ()
    keys: Kids = ()
    media: Items = ()
    destroy: Items = ()


class PermissionReview(BaseModel):
    """A review of permissions (定期审查权限, clause SEC-05): principal and version of each registration looked at.

    Those ``renewed`` hold for another period; those ``ended`` lapse with the signature.
    """

    model_config = STRICT

    type: Literal["permission_review"] = "permission_review"
    id: CommandId
    renewed: Annotated[tuple[tuple[Reference, int], ...], Field(max_length=MAX_ITEMS)] = ()
    ended: Annotated[tuple[tuple[Reference, int], ...], Field(max_length=MAX_ITEMS)] = ()


#: What ``dangan approve`` signs besides commands.
StaffDocument = PermissionChange | StaffHandOver
