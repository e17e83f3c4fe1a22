"""Incidents (泄露、毁损、丢失、篡改): the report, the containment, and the lives of an incident and of its notices.

``report`` and ``contain`` are commands; a ``thaw`` is a document that posts sign and an operator carries out.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.intake import Moment, Reference
from schemas.members import MAX_COMMANDS, Approvals, CommandBase, Text
from schemas.registers import Lifecycle, Move
from schemas.staff import Department

IncidentKind = Literal["leak", "loss", "tampering"]
#: What is frozen: a record, all that a principal may read, or all that a department may.
FreezeKind = Literal["record", "principal", "department"]
#: ``typ`` of a description, sealed to one person.
TYP_INCIDENT: Final = "dangan-incident+jwe"
#: Who opens an incident that no person reported.
ARCHIVE: Final = "archive"
_Records = Annotated[tuple[Reference, ...], Field(max_length=MAX_COMMANDS)]
_People = Annotated[tuple[Reference, ...], Field(max_length=64)]
_Departments = Annotated[tuple[Department, ...], Field(max_length=16)]


class Targets(CommandBase):
    """Records, principals and departments that something is about."""

    records: _Records = ()
    principals: _People = ()
    departments: _Departments = ()

    def targets(self) -> tuple[tuple[FreezeKind, str], ...]:
        """Each of them with its kind, none twice."""
        named: list[tuple[FreezeKind, str]] = [
            *(("record", each) for each in self.records),
            *(("principal", each) for each in self.principals),
            *(("department", each) for each in self.departments),
        ]
        return tuple(dict.fromkeys(named))


class Report(Targets):
    """Report of a known or suspected leak, loss or tampering (立即报告, SEC-10): anybody registered may send one.

    ``description`` is kept sealed to those who answer for incidents. ``freeze`` suspends what is named at once, where
    the sender's post may do that.
    """

    type: Literal["report"]
    kind: IncidentKind
    certainty: Literal["known", "suspected"] = "suspected"
    happened_at: Moment | None = None
    description: Text | None = None
    freeze: bool = False


class Contain(Targets):
    """Containment (补救措施, SEC-11): access to what is named is suspended at once, by one responsible person."""

    type: Literal["contain"]
    incident: Reference


class Thaw(Targets):
    """The end of a suspension: signed by the posts of ``incident.thaw``, each another person."""

    type: Literal["thaw"]
    incident: Reference
    reason: Text
    approvals: Approvals = ()


def incident_reference(sender: str, command: str) -> str:
    """The number of the incident that a report opens: the same for a report that is sent again."""
    return f"inc-{hashlib.sha256(f'{sender} {command}'.encode()).hexdigest()[:10]}"


_OPEN: Final = frozenset({"reported", "handling", "rectified"})
_TARGETS: Final = frozenset({"records", "principals", "departments"})
#: An incident's life: reported, taken in hand, its reads listed, those told who must be, mended, closed.
INCIDENTS: Final = Lifecycle(
    name="incidents",
    first="report",
    moves={
        "report": Move(
            frozenset(),
            "reported",
            frozenset({"certainty", "digest"}),
            _TARGETS | {"plan", "plan_version", "responsible", "addressees", "happened_at", "code", "event"},
        ),
        "take": Move(frozenset({"reported"}), "handling"),
        "freeze": Move(_OPEN, None, frozenset({"command"}), _TARGETS),
        "thaw": Move(_OPEN, None, frozenset({"signers", "digest"}), _TARGETS),
        "scope": Move(
            frozenset({"handling", "rectified"}),
            None,
            frozenset({"reads", "digest"}),
            frozenset({"readers", "records", "since", "until", "more_records", "more_readers"}),
        ),
        "notices": Move(frozenset({"handling", "rectified"}), None, frozenset({"due", "count"})),
        "rectify": Move(frozenset({"handling", "rectified"}), "rectified", frozenset({"measure", "evidence"})),
        "close": Move(
            frozenset({"rectified"}),
            "closed",
            frozenset({"report"}),
            frozenset({"signature", "key"}),
            not_by=frozenset({"report"}),
        ),
    },
    over=frozenset({"closed"}),
)
#: Who must be told of an incident: a customer or an authority, by when; told, or why not.
NOTICES: Final = Lifecycle(
    name="incident_notices",
    first="owe",
    moves={
        "owe": Move(frozenset(), "owed", frozenset({"incident", "to", "due"})),
        "tell": Move(frozenset({"owed"}), "told", frozenset({"manner", "evidence"})),
        "waive": Move(frozenset({"owed"}), "waived", frozenset({"evidence"})),
    },
    over=frozenset({"told", "waived"}),
)
