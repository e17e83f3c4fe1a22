"""The commands that business systems send, as they stand inside a sealed bundle.

A bundle is ``{"commands": [...]}`` with 1 to 256 commands of one family (schemas/wire.py says which types it has).
What reading takes, from the application to the return, is in schemas/use.py.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from schemas.destruction import Application, Ground
from schemas.incidents import Contain, Report, Thaw
from schemas.intake import Consent, IdentityCheck, Intake, Listed, Moment, Name, Reference, Sha256
from schemas.members import (
    MAX_COMMANDS,
    MAX_DATA,
    MAX_FIELDS,
    MAX_PARTS,
    STRICT,
    Approvals,
    CommandBase,
    CommandId,
    FieldName,
    Records,
    Text,
    Value,
    Versions,
)
from schemas.retention import ExtendRetention
from schemas.sealing import Seal, Unseal
from schemas.sharing import Acknowledge, ConfirmDeletion, Deliver, EndorseShare, RecallShare, Share
from schemas.use import Apply, Browse, Endorse, GiveBack, Search

#: What happens at a customer and changes the archive at once (UPD-07).
Event = Literal["new_transaction", "person_in_charge", "legal_form", "ownership", "business_state"]


class Collect(CommandBase):
    """Collection (收集) of one record about one data subject."""

    type: Literal["collect"]
    record: Reference
    subject: Reference
    purpose: Name
    legal_basis: Literal["consent", "contract", "legal_duty", "vital_interest", "public_duty"]
    consent: Consent | None = None
    intake: Intake | None = None
    fields: Annotated[dict[FieldName, Value], Field(min_length=1, max_length=MAX_FIELDS)]


class Update(CommandBase):
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


class Attach(CommandBase):
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


class Withdraw(CommandBase):
    """Withdrawal of consent (撤回同意): use under it ends at once."""

    type: Literal["withdraw"]
    subject: Reference
    consent: Reference
    withdrawn_at: Moment


class Propose(CommandBase):
    """A proposed correction (变更信息反馈): anybody registered may send one, without being able to read (UPD-01)."""

    type: Literal["propose"]
    record: Reference
    reason: Text
    evidence: Reference
    by_subject: bool = False
    fields: Annotated[dict[FieldName, Value | None], Field(min_length=1, max_length=MAX_FIELDS)]


class Decide(CommandBase):
    """The decision on a proposed correction (修改审批, UPD-02), signed by who may take it."""

    type: Literal["decide"]
    record: Reference
    proposal: CommandId
    verdict: Literal["approved", "rejected"]
    reason: Text
    approvals: Approvals


class Review(CommandBase):
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


class HandOver(CommandBase):
    """Hand-over (移交, COL-18) of reviewed records: signed by who delivers and by who takes them over.

    ``catalogue`` lists the same records in the same order; ``custodian`` keeps the archives from now on (ARR-18).
    """

    type: Literal["hand_over"]
    records: Records
    catalogue: Annotated[tuple[Listed, ...], Field(max_length=MAX_COMMANDS)] = ()
    custodian: Reference | None = None
    approvals: Approvals


class Confirm(CommandBase):
    """Confirmation of new archives (审批确认, COL-11) by the configured posts; records become active.

    ``versions`` are those that the signers saw: what was changed since is not what they signed for.
    """

    type: Literal["confirm"]
    records: Records
    versions: Versions = ()
    approvals: Approvals


class Merge(CommandBase):
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


class Unmerge(CommandBase):
    """Undoing of a merge, while the duplicate is not destroyed."""

    type: Literal["unmerge"]
    record: Reference
    duplicate: Reference
    from_version: Annotated[int, Field(ge=1)]
    duplicate_version: Annotated[int, Field(ge=1)]
    reason: Text
    approvals: Approvals


class Access(CommandBase):
    """Use (使用): a read of named fields of one record under a grant, or of one part of an attachment.

    With a grant for history the fields may be those of an earlier ``version``, what a ``proposal`` would have them
    be, or the list of ``versions`` that changed them (版本变更, UPD-04): one of the three. ``copying`` says that the
    answer will be saved, printed or sent on: the grant must allow it (USE-13).
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
    copying: bool = False

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


class Destroy(CommandBase):
    """Destruction (销毁) of records, approved by signatures over the request's digest.

    With an ``application`` its sender carries it out; applicant, approvers and witness sign, each another person.
    """

    type: Literal["destroy"]
    records: Records
    ground: Ground
    reason: Text
    application: Application | None = None
    approvals: Approvals


Command = Annotated[
    Collect
    | Attach
    | Withdraw
    | Update
    | Propose
    | Access
    | Apply
    | Endorse
    | Browse
    | Search
    | GiveBack
    | Destroy
    | Seal
    | Unseal
    | Review
    | HandOver
    | Confirm
    | Merge
    | Unmerge
    | Decide
    | Share
    | EndorseShare
    | Deliver
    | Acknowledge
    | RecallShare
    | ConfirmDeletion
    | Report
    | Contain,
    Field(discriminator="type"),
]
#: Commands that others sign besides their sender.
Approved = Destroy | HandOver | Confirm | Merge | Unmerge | Decide | ExtendRetention | Thaw | Seal | Unseal
#: Those, and applications, whose signatures come by themselves (``endorse``, ``endorse_share``).
Signable = Approved | Apply | Share


class Bundle(BaseModel):
    """The payload of one sealed message."""

    model_config = STRICT

    commands: Annotated[tuple[Command, ...], Field(min_length=1, max_length=MAX_COMMANDS)]
