"""What is demanded of people and their permissions: SEC-03 to 06, 08, 09 and 14."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.intake import Name
from schemas.levels import Level
from schemas.rule_tables.table import Table

#: The role of those who run the system; it goes with no other, whatever is set (clause SEC-06).
ADMINISTRATOR: Final = "administrator"


class RoleTemplate(Table):
    """The most that a role may be registered with (最小权限, clause SEC-03)."""

    #: highest level that it may read or change.
    clearance: Level = Level.BASIC
    #: attributes that the registration's scope must name: ``building``.
    scope: tuple[Name, ...] = ()
    #: whether people, systems or both may hold it.
    kinds: tuple[Literal["person", "system"], ...] = ("person",)


#: What holds of a role that has no template of its own.
_LEAST: Final = RoleTemplate(kinds=("person", "system"))
_BOTH: Final[tuple[Literal["person", "system"], ...]] = ("person", "system")
_TEMPLATES: Final[Mapping[str, RoleTemplate]] = {
    "collector": RoleTemplate(clearance=Level.CORE, kinds=_BOTH),
    "editor": RoleTemplate(clearance=Level.CORE, kinds=_BOTH),
    "reader": RoleTemplate(clearance=Level.CORE, kinds=_BOTH),
    "reviewer": RoleTemplate(clearance=Level.CORE),
    "deliverer": RoleTemplate(clearance=Level.CORE),
    "archivist": RoleTemplate(clearance=Level.CORE),
    "custodian": RoleTemplate(clearance=Level.CORE),
    "secret_keeper": RoleTemplate(clearance=Level.CORE),
    "approver": RoleTemplate(clearance=Level.CORE),
    "director": RoleTemplate(clearance=Level.CORE),
    "market_supervision": RoleTemplate(clearance=Level.CORE),
    "sales_director": RoleTemplate(clearance=Level.CORE),
    "department_head": RoleTemplate(clearance=Level.CORE),
    "general_manager": RoleTemplate(clearance=Level.CORE),
    "unit_head": RoleTemplate(clearance=Level.SENSITIVE),
    "client_manager": RoleTemplate(clearance=Level.SENSITIVE),
    "compliance": RoleTemplate(clearance=Level.CORE),
    "privacy": RoleTemplate(clearance=Level.SENSITIVE),
    "security_officer": RoleTemplate(),
    "auditor": RoleTemplate(),
    "steward": RoleTemplate(clearance=Level.SENSITIVE, scope=("building",)),
    "steward_manager": RoleTemplate(clearance=Level.SENSITIVE),
    "fee_collector": RoleTemplate(clearance=Level.SENSITIVE, scope=("building",)),
    ADMINISTRATOR: RoleTemplate(kinds=_BOTH),
}


class People(Table):
    """Table ``[people]``."""

    #: pairs of roles that nobody holds together (职责分离, SEC-06); an administrator holds no other in any case.
    incompatible: tuple[tuple[Name, Name], ...] = (
        ("archivist", "approver"),
        ("deliverer", "archivist"),
        ("collector", "reviewer"),
    )
    #: posts that must each sign a change of permissions (权限申请、审批、变更, SEC-04), in order.
    approval: Annotated[tuple[Name, ...], Field(max_length=4)] = ("unit_head", "security_officer")
    #: a person has a confidentiality agreement in force (人员保密协议, SEC-09).
    agreement_required: bool = True
    #: leavers and movers hand over in full first (离职、离岗交接, SEC-14).
    handover_required: bool = True
    #: permissions lapse so many months after they were given or reviewed (定期审查权限, SEC-05); 0: never.
    review_months: Annotated[int, Field(ge=0, le=24)] = 3
    #: permissions that were not used for so many days are not renewed by a review; 0: they are.
    unused_days: Annotated[int, Field(ge=0, le=730)] = 90
    #: one of these signs the review.
    reviewers: tuple[Name, ...] = ("auditor", "compliance")
    #: role -> the most it may be registered with; no templates: nothing is compared.
    role_templates: Mapping[Name, RoleTemplate] = Field(default_factory=lambda: dict(_TEMPLATES))
    #: registrations count only with the archive's signature, which the administrator's Vault role makes.
    signed_registrations: bool = True

    def template(self, role: str) -> RoleTemplate | None:
        """The most that a role may be registered with; None where nothing is compared."""
        return self.role_templates.get(role, _LEAST) if self.role_templates else None
