"""Commands of sharing (共享): application, opinions and approvals, delivery, receipt, recall, confirmed deletion.

share -> opinions -> approvals -> deliver -> acknowledge -> recall_share, or the end date -> confirm_deletion -> closed.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.intake import Moment, Name, Reference, Sha256
from schemas.members import MAX_COMMANDS, MAX_FIELDS, Approvals, CommandBase, CommandId, FieldName, Text

Form = Literal["identified", "pseudonymised", "aggregate"]
#: The role that an organisation outside is registered with: it receives, and opens nothing in the archive.
RECIPIENT: Final = "recipient"
#: What a recipient signs: that it has a package, or that nothing of it is left.
TYP_STATEMENT: Final = "dangan-share+jws"
TYP_PACKAGE_JWE: Final = "dangan-package+jwe"
TYP_PACKAGE_JWS: Final = "dangan-package+jws"
Token = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class Share(CommandBase):
    """Application to share (共享申请, SHR-01): its sender answers for it in the department that shares.

    What has to be there is the rule book's to say, so that what is missing is refused by name: every member is optional
    here. ``recipient`` is a registered principal with a receiving key; ``ask`` names departments whose opinion is
    wanted (征求相关部门意见, SHR-02). ``carrier`` is who brings important records there, with ``safeguards`` (SHR-12).
    """

    type: Literal["share"]
    kind: Literal["internal", "external"] | None = None
    recipient: Reference | None = None
    records: Annotated[tuple[Reference, ...], Field(max_length=MAX_COMMANDS)] = ()
    fields: Annotated[tuple[FieldName, ...], Field(max_length=MAX_FIELDS)] = ()
    purpose: Name | None = None
    basis: Literal["consent", "contract", "legal_duty", "vital_interest", "public_duty"] | None = None
    reason: Text | None = None
    form: Form = "identified"
    agreement: Reference | None = None
    until: Moment | None = None
    channel: Name | None = None
    ask: Annotated[tuple[Name, ...], Field(max_length=16)] = ()
    carrier: Reference | None = None
    safeguards: Annotated[tuple[Name, ...], Field(max_length=8)] = ()


class EndorseShare(CommandBase):
    """An opinion or a decision on an application to share (SHR-02, SHR-03); as :class:`schemas.use.Endorse`."""

    type: Literal["endorse_share"]
    share: CommandId
    reason: Text | None = None
    approvals: Approvals


class Deliver(CommandBase):
    """Delivery (提供): answers with a package that only the recipient opens.

    ``enclosures`` are what travels in the same sending: never the password of anything (SHR-09).
    """

    type: Literal["deliver"]
    share: CommandId
    enclosures: Annotated[tuple[Name, ...], Field(max_length=16)] = ()


class Acknowledge(CommandBase):
    """The recipient's receipt (签收), sent on by anybody registered: a ``statement`` that it signed."""

    type: Literal["acknowledge"]
    share: CommandId
    statement: Token


class RecallShare(CommandBase):
    """Recall (收回共享, SHR-10): the recipient's access ends, return or deletion is to be confirmed."""

    type: Literal["recall_share"]
    share: CommandId
    reason: Text


class ConfirmDeletion(CommandBase):
    """The recipient's statement that nothing of the share is left there (SHR-10)."""

    type: Literal["confirm_deletion"]
    share: CommandId
    statement: Token


Sharing = Annotated[
    Share | EndorseShare | Deliver | Acknowledge | RecallShare | ConfirmDeletion, Field(discriminator="type")
]


class Statement(BaseModel):
    """What a recipient signs: compact JWS (Ed25519, typ ``dangan-share+jws``) over this JSON.

    ``package`` is the SHA-256 in hex of the package as it came; ``at`` is in UNIX seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    says: Literal["received", "deleted"]
    share: CommandId
    package: Sha256
    recipient: Reference
    at: Annotated[int, Field(ge=0)]

    def payload(self) -> bytes:
        """The bytes that are signed."""
        return orjson.dumps(self.model_dump(), option=orjson.OPT_SORT_KEYS)
