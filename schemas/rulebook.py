"""The rule book: what an organisation demands of collection, arrangement and correction (``policies/rules.toml``).

Where the regulations disagree, a setting here decides, and its default is the strictest reading; a profile
(``policies/profiles/NAME/rules.toml``) may set others. The code has no branch on a profile's name. Setting names are
those of the clauses' ``conflict`` entries (docs/regulation.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from schemas.archive_code import CodeTemplate
from schemas.commands import Event
from schemas.intake import Name
from schemas.rule_tables.audit import AuditRules
from schemas.rule_tables.backup import Backup, Deployment
from schemas.rule_tables.destruction import Destruction
from schemas.rule_tables.expiry import Expiry
from schemas.rule_tables.incident import Incident
from schemas.rule_tables.inspection import Inspection, Inventory
from schemas.rule_tables.people import People
from schemas.rule_tables.reading import Reading
from schemas.rule_tables.retention import Retention
from schemas.rule_tables.sharing import Sharing, Transfer
from schemas.rule_tables.storage import Storage
from schemas.rule_tables.table import Table
from schemas.rule_tables.use import Tier, Use

Letters = Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,3}$")]
CustomerType = Literal["individual", "organisation"]
NoticeElement = Literal["purpose", "scope", "manner", "retention"]


class Collection(Table):
    """Table ``[collection]``: COL-01 to 06, 08, 13 to 16; ARR-01."""

    use_required: bool = True
    form_required: bool = True
    notice_required: bool = True
    notice_elements: tuple[NoticeElement, ...] = ("purpose", "scope", "manner", "retention")
    channels: tuple[Name, ...] = (
        "direct", "volunteered", "business", "research", "visit", "online", "partner", "third_party"
    )  # fmt: skip
    channel_required: bool = True
    third_party_channels: tuple[Name, ...] = ("partner", "third_party")
    third_party_authorisation: bool = True
    #: purpose -> its fields, instead of the catalogue's.
    fields_by_purpose: Mapping[Name, tuple[str, ...]] = Field(default_factory=dict)
    core_approval_required: bool = True
    collector_required: bool = True
    event_time_required: bool = True
    #: the kind of item must be known, from the form or by itself.
    item_required: bool = True
    #: an entry made more than so many hours after the event counts as late.
    late_after_hours: Annotated[int, Field(ge=1, le=8760)] = 24


class ConsentRules(Table):
    """Table ``[consent]``: COL-04. Without an exemption listed, every collection needs consent."""

    required_for: Literal["all", "volunteered"] = "all"
    legal_exemptions: tuple[Name, ...] = ()
    #: consent must be explicit for all, or for what holds sensitive or core fields.
    explicit_for: Literal["all", "sensitive"] = "all"
    #: what its evidence must say.
    evidence: tuple[Literal["given_by", "manner", "retention_months"], ...] = ("given_by", "manner", "retention_months")
    document_required: bool = True


_USE_CHAIN: Final[Mapping[Tier, tuple[str, ...]]] = {
    "basic": ("client_manager", "unit_head"),
    "sensitive": ("client_manager", "unit_head", "department_head"),
    "core": ("client_manager", "unit_head", "department_head"),
}


class ApprovalRules(Table):
    """Table ``[approval]``: COL-11, UPD-02, USE-03 to 05. Posts (roles) that act, in order; each another person."""

    archive_creation: tuple[Name, ...] = ("market_supervision", "sales_director")
    update: tuple[Name, ...] = ("director",)
    merge: tuple[Name, ...] = ("custodian", "director")
    #: tier of what is applied for -> who reviews and signs; a sensitive one takes the department head too (USE-05).
    use: Mapping[Tier, tuple[Name, ...]] = Field(default_factory=lambda: dict(_USE_CHAIN))
    #: who signs after them when the applicant's department is not the responsible one (USE-04).
    cross_department: tuple[Name, ...] = ("general_manager",)
    #: who approves a destruction, none of them applicant, executor or witness; none: any two approvers.
    destroy: tuple[Name, ...] = ("records_head", "director")
    #: who signs that records are sealed, and who that they are unsealed: two people at least (DES-11).
    seal: Annotated[tuple[Name, ...], Field(min_length=2)] = ("records_head", "director")
    #: who signs that records are kept longer than the rules say.
    retention_extension: tuple[Name, ...] = ("records_head", "director")
    #: one of these is among the signers of an application to copy (USE-13).
    copying: tuple[Name, ...] = ("client_manager", "director")
    #: who reviews and approves, each by himself, that information leaves the company (SHR-02, SHR-03); and that another
    #: department gets it.
    external: tuple[Name, ...] = ("archivist", "client_manager", "director")
    internal: tuple[Name, ...] = ("archivist",)

    @field_validator("use")
    @classmethod
    def _every_tier(cls, chains: Mapping[Tier, tuple[str, ...]]) -> Mapping[Tier, tuple[str, ...]]:
        return {**_USE_CHAIN, **chains}


class HandOverRules(Table):
    """Table ``[handover]``: COL-17."""

    required: bool = True
    deadline_working_days: Annotated[int, Field(ge=1, le=365)] = 10
    working_calendar: Literal["CN", "weekdays"] = "CN"
    answer_working_days: Annotated[int, Field(ge=1, le=365)] = 5


class IntakeRules(Table):
    """Table ``[intake]``: COL-09, 10, 12; ARR-18."""

    review_required: bool = True
    identity_check_required: bool = True
    assessment_required: bool = True
    custodian_required: bool = True


class Encryption(Table):
    """Table ``[encryption]``: COL-19. Everything is sealed and encrypted on the way in, whatever stands here."""

    ingest_scope: Literal["all", "sensitive"] = "all"


class Taxonomy(Table):
    """Table ``[taxonomy]``: ARR-02. Other texts' words -> one category of the unified model."""

    category_map: Mapping[str, str] = Field(default_factory=dict)


class Sensitivity(Table):
    """Table ``[sensitivity]``: ARR-03, ARR-04."""

    #: field -> level, instead of the catalogue's; only a higher one is taken.
    tier_by_field: Mapping[str, Literal["core", "sensitive", "basic"]] = Field(default_factory=dict)
    combine: bool = True


class Segment(Table):
    """Table ``[segment]``: ARR-06, ARR-08."""

    customer_required: bool = True
    business_types: tuple[Name, ...] = ("finance", "service", "retail")
    vocabulary: tuple[Name, ...] = ("ordinary", "government", "special_company", "individual", "partner")
    special: tuple[Name, ...] = ("expert", "lawyer", "public_body", "large_amount")
    importance_tiers: tuple[Name, ...] = ("important", "special", "general")
    #: importance tier -> months between reviews.
    review_months: Mapping[Name, Annotated[int, Field(ge=1, le=120)]] = Field(
        default_factory=lambda: {"important": 2, "special": 2, "general": 2}
    )


_TYPE_LETTERS: Final[Mapping[CustomerType, Letters]] = {"individual": "P", "organisation": "C"}
_PART_CATEGORIES: Final[Mapping[str, tuple[str, ...]]] = {
    "base": ("basic", "basic.identity", "basic.property"),
    "credit": ("other.credit",),
    "transactions": ("transaction", "transaction.trade"),
    "contracts": ("transaction.voucher",),
    "communication": ("feedback.communication",),
    "satisfaction": ("feedback",),
    "assessment": ("other.assessment", "preference.derived"),
    "authorisation": ("other.legal",),
}


class Arrange(Table):
    """Table ``[arrange]``: ARR-10, 12, 15, 17."""

    #: schemas/archive_code.py says what may stand in it.
    code_template: str = "{type}{year}{serial:03}-{part:02}"
    #: customer type -> the letters that stand for it in codes.
    type_letters: Mapping[CustomerType, Letters] = Field(default_factory=lambda: dict(_TYPE_LETTERS))
    codes_required: bool = True
    paper_required: bool = True
    expected_parts: tuple[Name, ...] = (
        "base", "credit", "transactions", "contracts", "communication", "satisfaction", "assessment", "authorisation"
    )  # fmt: skip
    #: part -> the categories of fields that make it; an item of the part's own name does so too.
    part_categories: Mapping[Name, tuple[str, ...]] = Field(default_factory=lambda: dict(_PART_CATEGORIES))
    household_papers: tuple[Name, ...] = (
        "purchase_contract", "identity_card", "owner_card", "service_agreement", "interim_covenant",
        "fire_safety_undertaking", "move_in", "renovation",
    )  # fmt: skip

    @field_validator("code_template")
    @classmethod
    def _is_a_rule(cls, text: str) -> str:
        return CodeTemplate(text).text


class Identity(Table):
    """Table ``[identity]``: ARR-13. The indexed fields that tell one customer from another, best first.

    Only items of these kinds (``policies/forms/items.toml``), and those that say none, are a customer's archive: of
    vouchers, trades and steps a customer has many.
    """

    fields: tuple[str, ...] = ("id_number",)
    items: tuple[Name, ...] = ("customer",)
    unique: bool = True


class Correction(Table):
    """Table ``[correction]``: UPD-01, 02, 05, 07; a data subject's request has a deadline."""

    approval_required: bool = True
    paper_in_step: bool = True
    subject_request_working_days: Annotated[int, Field(ge=1, le=365)] = 15
    #: event -> the fields that a system with the roles editor and ``source-EVENT`` updates without approval when it
    #: happens.
    event_updates: Mapping[Event, tuple[str, ...]] = Field(
        default_factory=lambda: dict[Event, tuple[str, ...]](
            {"new_transaction": ("last_transaction_on", "last_transaction_amount", "transaction_count")}
        )
    )


class Revision(Table):
    """Table ``[revision]``: UPD-08, UPD-09."""

    period_months: Annotated[int, Field(ge=1, le=60)] = 2
    revalidation_months: Annotated[int, Field(ge=1, le=120)] = 12


class RuleBook(BaseModel):
    """All tables of ``rules.toml``; each default is the strictest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    collection: Collection = Collection()
    consent: ConsentRules = ConsentRules()
    approval: ApprovalRules = ApprovalRules()
    handover: HandOverRules = HandOverRules()
    intake: IntakeRules = IntakeRules()
    encryption: Encryption = Encryption()
    taxonomy: Taxonomy = Taxonomy()
    sensitivity: Sensitivity = Sensitivity()
    segment: Segment = Segment()
    arrange: Arrange = Arrange()
    identity: Identity = Identity()
    retention: Retention = Retention()
    expiry: Expiry = Expiry()
    destroy: Destruction = Destruction()
    correction: Correction = Correction()
    revision: Revision = Revision()
    storage: Storage = Storage()
    use: Use = Use()
    share: Sharing = Sharing()
    transfer: Transfer = Transfer()
    backup: Backup = Backup()
    deployment: Deployment = Deployment()
    reading: Reading = Reading()
    people: People = People()
    audit: AuditRules = AuditRules()
    incident: Incident = Incident()
    inventory: Inventory = Inventory()
    inspection: Inspection = Inspection()

    @model_validator(mode="after")
    def _events_outlive_records(self) -> Self:
        periods = (*self.retention.years_by_class.values(), *self.retention.years_by_item.values())
        self.audit.check_outlives(max(periods, default=0))
        return self

    @model_validator(mode="after")
    def _important_customers_are_some(self) -> Self:
        unknown = set(self.transfer.important_customers) - set(self.segment.importance_tiers)
        if unknown:  # a word that no customer can have would switch the carriers of SHR-12 off
            raise ValueError(
                f"transfer.important_customers: not in segment.importance_tiers: {', '.join(sorted(unknown))}"
            )
        return self

    @classmethod
    def from_mappings(cls, *layers: Mapping[str, Any]) -> RuleBook:
        """Read parsed ``rules.toml`` files; each overlays the ones before, key by key within a table.

        Raises:
            ValueError: naming the table and key that is wrong.
        """
        merged: dict[str, dict[str, Any]] = {}
        for layer in layers:
            for table, values in layer.items():
                merged.setdefault(table, {}).update(values)
        return cls.model_validate(merged)
