"""The commands that business systems send, as they stand inside a sealed bundle.

A bundle is ``{"commands": [...]}`` with 1 to 256 commands of one family. All sizes are bounded here,
so that whatever passes has a known largest cost.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_COMMANDS = 256
MAX_FIELDS = 64
MAX_TEXT = 4096
RFC3339 = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$"

#: Opaque references: never personal data, since Kafka keys and audit events carry them in clear.
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{2,63}$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
CommandId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,47}$")]
#: A field's value: a text of at most 4,096 characters, a number or a truth value.
Value = Annotated[str, StringConstraints(max_length=MAX_TEXT)] | bool | int | float

_STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Command(BaseModel):
    model_config = _STRICT

    id: CommandId


class Consent(BaseModel):
    """The data subject's consent: a reference to it and the digest of the text agreed to (clause COL-03)."""

    model_config = _STRICT

    reference: Reference
    text_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    given_at: Annotated[str, StringConstraints(pattern=RFC3339)]


class Collect(_Command):
    """Collection (收集) of one record about one data subject."""

    type: Literal["collect"]
    record: Reference
    subject: Reference
    purpose: Name
    legal_basis: Literal["consent", "contract", "legal_duty", "vital_interest", "public_duty"]
    consent: Consent | None = None
    fields: Annotated[dict[FieldName, Value], Field(min_length=1, max_length=MAX_FIELDS)]


class Update(_Command):
    """Update (更新) of a record, from a version the sender has seen (optimistic concurrency)."""

    type: Literal["update"]
    record: Reference
    from_version: Annotated[int, Field(ge=1)]
    reason: Text
    evidence: Reference
    fields: Annotated[dict[FieldName, Value | None], Field(min_length=1, max_length=MAX_FIELDS)]


class Access(_Command):
    """Use (使用): a read of named fields of one record under a grant."""

    type: Literal["access"]
    record: Reference
    grant: Reference
    purpose: Name
    fields: Annotated[tuple[FieldName, ...], Field(min_length=1, max_length=MAX_FIELDS)]


class Destroy(_Command):
    """Destruction (销毁) of records, approved by signatures over the request's digest."""

    type: Literal["destroy"]
    records: Annotated[tuple[Reference, ...], Field(min_length=1, max_length=MAX_COMMANDS)]
    ground: Literal["expired", "subject_request", "business_request"]
    reason: Text
    #: compact JWS, one per approver, over the digest of this command without its approvals.
    approvals: Annotated[tuple[Annotated[str, StringConstraints(max_length=2048)], ...], Field(max_length=8)]


Command = Annotated[Collect | Update | Access | Destroy, Field(discriminator="type")]


class Bundle(BaseModel):
    """The payload of one sealed message."""

    model_config = _STRICT

    commands: Annotated[tuple[Command, ...], Field(min_length=1, max_length=MAX_COMMANDS)]
