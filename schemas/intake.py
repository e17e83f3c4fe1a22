"""What a collect command says about the collection itself: notice, channel, form, checks, kind of customer.

All of it is about the act, none about the person: references are opaque, words come from the rule book
(``policies/rules.toml``), times are RFC 3339. What of it must be there is the rule book's to say.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

RFC3339 = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$"
#: Opaque references: never personal data, since Kafka keys and audit events carry them in clear.
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{2,63}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,47}$")]
Moment = Annotated[str, StringConstraints(pattern=RFC3339)]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
#: A registered form and its version: ``retail@3``.
FormName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,47}@[1-9]\d{0,3}$")]

_STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Consent(BaseModel):
    """The data subject's consent (同意): who gave it, when, how, to which text, and what was told (clause COL-04).

    ``retention_months`` is the retention period that the subject was told; ``document`` the archived consent paper.
    ``third_parties`` are the recipients outside whom the subject agreed to (SHR-05).
    """

    model_config = _STRICT

    reference: Reference
    text_sha256: Sha256
    given_at: Moment
    given_by: Literal["subject", "guardian", "representative"] | None = None
    manner: Literal["written", "electronic", "recorded"] | None = None
    explicit: bool = False
    retention_months: Annotated[int, Field(ge=1, le=1200)] | None = None
    document: Reference | None = None
    third_parties: Annotated[tuple[Reference, ...], Field(max_length=16)] = ()


class Notice(BaseModel):
    """A notice (收集告知) of ``policies/notices`` that the subject was given before the collection (COL-03)."""

    model_config = _STRICT

    reference: Reference
    given_at: Moment


class Source(BaseModel):
    """Where the information comes from if not from the subject, and the subject's authorisation (COL-06)."""

    model_config = _STRICT

    party: Reference
    authorisation: Reference | None = None


class IdentityCheck(BaseModel):
    """A check of identity papers against the originals (核对原件, COL-09)."""

    model_config = _STRICT

    checker: Reference
    at: Moment
    manner: Literal["original", "online", "original_and_online"]
    result: Literal["matches", "differs", "not_authentic"]
    document: Literal["identity_card", "passport", "permit", "licence", "other"]
    expires: Day | None = None


class Assessment(BaseModel):
    """Identity class and risk grade, assessed before business begins (身份分类; 风险等级, COL-12)."""

    model_config = _STRICT

    assessor: Reference
    at: Moment
    identity_class: Name
    risk_grade: Literal["low", "medium", "high"]


class Customer(BaseModel):
    """The kind of customer (客户类型, ARR-06); words from the rule book's ``segment.vocabulary``."""

    model_config = _STRICT

    type: Literal["individual", "organisation"]
    business_type: Name
    segment: Name
    special: Name | None = None
    importance: Name | None = None


class Household(BaseModel):
    """Where a household's file (分户建立, ARR-15) belongs."""

    model_config = _STRICT

    building: Name
    floor: Annotated[int, Field(ge=-9, le=200)]
    unit: Name


class Recording(BaseModel):
    """What was done to a telephone recording before it came here (脱敏, COL-14)."""

    model_config = _STRICT

    desensitised: bool
    method: Name | None = None
    operator: Reference | None = None


class Listed(BaseModel):
    """One item of a hand-over's catalogue (移交目录, COL-18): what both sides sign that the record holds.

    ``papers_checked`` says that the paper's signatures, seals and key pages were looked at and are there.
    """

    model_config = _STRICT

    record: Reference
    version: Annotated[int, Field(ge=1)]
    fields: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")], ...],
        Field(min_length=1, max_length=64),
    ]
    code: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    papers_checked: bool = False


class Intake(BaseModel):
    """The circumstances of a collection; every member is optional here and demanded by the rule book."""

    model_config = _STRICT

    form: FormName | None = None
    use: Name | None = None
    channel: Name | None = None
    notice: Notice | None = None
    exemption: Name | None = None
    source: Source | None = None
    approval: Reference | None = None
    collector: Reference | None = None
    happened_at: Moment | None = None
    item: Name | None = None
    matter: Reference | None = None
    paper: Reference | None = None
    grade: Literal["none", "secret", "top_secret"] = "none"
    customer: Customer | None = None
    household: Household | None = None
    identity_check: IdentityCheck | None = None
    assessment: Assessment | None = None
    custodian: Reference | None = None
    recording: Recording | None = None
    opens_business: bool = False
