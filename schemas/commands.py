"""The commands that business systems send, as they stand inside a sealed bundle.

A bundle is ``{"commands": [...]}`` with 1 to 256 commands of one family (schemas/wire.py says which types it has). All
sizes are bounded here, so that whatever passes has a known largest cost.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.intake import Consent, IdentityCheck, Intake, Listed, Moment, Name, Reference, Sha256

MAX_COMMANDS = 256
MAX_FIELDS = 64
MAX_TEXT = 4096
#: Of an attachment: bytes of a part, parts, and characters of a part in base64.
PART_BYTES = 256 * 1024
MAX_PARTS = 64
MAX_DATA = 4 * -(-PART_BYTES // 3)
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
CommandId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
#: A field's value: a text of at most 4,096 characters, a number or a truth value.
Value = Annotated[str, StringConstraints(max_length=MAX_TEXT)] | bool | int | float

#: What happens at a customer and changes the archive at once (UPD-07).
Event = Literal["new_transaction", "person_in_charge", "legal_form", "ownership", "business_state"]
Records = Annotated[tuple[Reference, ...], Field(min_length=1, max_length=MAX_COMMANDS)]
#: The version of each of the records, in their order, that somebody looked at.
Versions = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(max_length=MAX_COMMANDS)]
#: compact JWS, one per signer, over the digest of the command without its approvals (schemas/approvals.py).
Approvals = Annotated[tuple[Annotated[str, StringConstraints(max_length=2048)], ...], Field(max_length=8)]

_STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Command(BaseModel):
    model_config = _STRICT

    id: CommandId


class Collect(_Command):
    """Collection (收集) of one record about one data subject."""

    type: Literal["collect"]
    record: Reference
    subject: Reference
    purpose: Name
    legal_basis: Literal["consent", "contract", "legal_duty", "vital_interest", "public_duty"]
    consent: Consent | None = None
    intake: Intake | None = None
    fields: Annotated[dict[FieldName, Value], Field(min_length=1, max_length=MAX_FIELDS)]


class Update(_Command):
    """Update (更新) of a record, from a version the sender has seen (optimistic concurrency).

    ``event`` names the change at the customer that is its reason (动态管理, UPD-07). ``approval`` is that of collecting
    core-sensitive fields, where the rule book wants one and the record's own does not cover them (COL-13).
    """

    type: Literal["update"]
    record: Reference
    from_version: Annotated[int, Field(ge=1)]
    reason: Text
    evidence: Reference
    event: Event | None = None
    approval: Reference | None = None
    fields: Annotated[dict[FieldName, Value | None], Field(min_length=1, max_length=MAX_FIELDS)]


class Attach(_Command):
    """One part of an attachment (附件) to a record: a scan of a paper (clause COL-09), at most 16 MiB in all.

    ``part`` counts from 1 to ``parts``; every part but the last holds exactly 256 KiB. ``sha256`` is of the whole. Each
    part of a core-sensitive kind names the ``approval`` of its collection, where the rule book wants one (COL-13).
    """

    type: Literal["attach"]
    record: Reference
    attachment: Reference
    kind: Name
    part: Annotated[int, Field(ge=1, le=MAX_PARTS)]
    parts: Annotated[int, Field(ge=1, le=MAX_PARTS)]
    sha256: Sha256
    approval: Reference | None = None
    data: Annotated[str, StringConstraints(min_length=4, max_length=MAX_DATA, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]


class Withdraw(_Command):
    """Withdrawal of consent (撤回同意): use under it ends at once."""

    type: Literal["withdraw"]
    subject: Reference
    consent: Reference
    withdrawn_at: Moment


class Propose(_Command):
    """A proposed correction (变更信息反馈): anybody registered may send one, without being able to read (UPD-01)."""

    type: Literal["propose"]
    record: Reference
    reason: Text
    evidence: Reference
    by_subject: bool = False
    fields: Annotated[dict[FieldName, Value | None], Field(min_length=1, max_length=MAX_FIELDS)]


class Decide(_Command):
    """The decision on a proposed correction (修改审批, UPD-02), signed by who may take it."""

    type: Literal["decide"]
    record: Reference
    proposal: CommandId
    verdict: Literal["approved", "rejected"]
    reason: Text
    approvals: Approvals


class Review(_Command):
    """Preliminary review (初步审核, COL-10) of received records by somebody other than who collected them.

    Returned records go back to their sender as a query (沟通核实, ARR-14), with a reason without personal data.
    ``versions`` are those that the reviewer saw: demanded of who lets records pass. ``identity_check`` is that of one
    record's customer, where the collection brought none.
    """

    type: Literal["review"]
    records: Records
    versions: Versions = ()
    result: Literal["passed", "returned"]
    reason: Text | None = None
    answer_by: Moment | None = None
    identity_check: IdentityCheck | None = None


class HandOver(_Command):
    """Hand-over (移交, COL-18) of reviewed records: signed by who delivers and by who takes them over.

    ``catalogue`` lists the same records in the same order; ``custodian`` keeps the archives from now on (ARR-18).
    """

    type: Literal["hand_over"]
    records: Records
    catalogue: Annotated[tuple[Listed, ...], Field(max_length=MAX_COMMANDS)] = ()
    custodian: Reference | None = None
    approvals: Approvals


class Confirm(_Command):
    """Confirmation of new archives (审批确认, COL-11) by the configured posts; records become active.

    ``versions`` are those that the signers saw: what was changed since is not what they signed for.
    """

    type: Literal["confirm"]
    records: Records
    versions: Versions = ()
    approvals: Approvals


class Merge(_Command):
    """Joining of a duplicate into the customer's one archive (合并, ARR-13).

    ``from_version`` and ``duplicate_version`` are the versions of both that the signers saw.
    """

    type: Literal["merge"]
    record: Reference
    duplicate: Reference
    from_version: Annotated[int, Field(ge=1)]
    duplicate_version: Annotated[int, Field(ge=1)]
    reason: Text
    approvals: Approvals


class Unmerge(_Command):
    """Undoing of a merge, while the duplicate is not destroyed."""

    type: Literal["unmerge"]
    record: Reference
    duplicate: Reference
    from_version: Annotated[int, Field(ge=1)]
    duplicate_version: Annotated[int, Field(ge=1)]
    reason: Text
    approvals: Approvals


class Access(_Command):
    """Use (使用): a read of named fields of one record under a grant, or of one part of an attachment.

    With a grant for history the fields may be those of an earlier ``version``, what a ``proposal`` would have them
    be, or the list of ``versions`` that changed them (版本变更, UPD-04): one of the three.
    """

    type: Literal["access"]
    record: Reference
    grant: Reference
    purpose: Name
    fields: Annotated[tuple[FieldName, ...], Field(max_length=MAX_FIELDS)] = ()
    attachment: Reference | None = None
    part: Annotated[int, Field(ge=1, le=MAX_PARTS)] | None = None
    version: Annotated[int, Field(ge=1)] | None = None
    proposal: CommandId | None = None
    versions: bool = False

    @property
    def of_the_past(self) -> bool:
        """Whether something else than the fields as they are now is asked for."""
        return self.version is not None or self.proposal is not None or self.versions

    @model_validator(mode="after")
    def _fields_of_one_thing(self) -> Self:
        asked = (self.version is not None) + (self.proposal is not None) + self.versions
        if asked > (1 if self.fields else 0):
            raise ValueError("give fields, and one of version, proposal, versions")
        return self

    @model_validator(mode="after")
    def _fields_or_a_part(self) -> Self:
        if (self.attachment is None) != (self.part is None) or bool(self.fields) == (self.attachment is not None):
            raise ValueError("give fields, or an attachment and a part of it")
        return self


class Destroy(_Command):
    """Destruction (销毁) of records, approved by signatures over the request's digest."""

    type: Literal["destroy"]
    records: Records
    ground: Literal["expired", "subject_request", "business_request"]
    reason: Text
    approvals: Approvals


Command = Annotated[
    Collect
    | Attach
    | Withdraw
    | Update
    | Propose
    | Access
    | Destroy
    | Review
    | HandOver
    | Confirm
    | Merge
    | Unmerge
    | Decide,
    Field(discriminator="type"),
]
#: Commands that others sign besides their sender.
Approved = Destroy | HandOver | Confirm | Merge | Unmerge | Decide


class Bundle(BaseModel):
    """The payload of one sealed message."""

    model_config = _STRICT

    commands: Annotated[tuple[Command, ...], Field(min_length=1, max_length=MAX_COMMANDS)]
