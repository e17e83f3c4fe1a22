"""The history of one record: every step with its handler and its approver (clause AUD-02, 责任可溯). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ops.detect.seen import Seen

#: The stage of its life that a deed belongs to (requirements: collection, arrangement, change, access, sharing,
#: destruction). What is not named is an operation.
_STAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "collect": "collection",
        "withdraw": "collection",
        "intake": "collection",
        "merge": "arrangement",
        "unmerge": "arrangement",
        "update": "change",
        "propose": "change",
        "correction": "change",
        "access": "access",
        "query": "access",
        "unseal": "access",
        "grant": "access",
        "recall": "access",
        "seal": "destruction",
        "destroy": "destruction",
        "hold": "destruction",
    }
)
_ARRANGING: Final = frozenset({"number", "assign", "link", "list", "count"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a record's life.

    Attributes:
        stage: collection, arrangement, change, access, sharing, destruction or operation.
        event: what happened.
        approvers: who allowed it: the signers of the command, or, of a read, who gave the grant.
    """

    stage: str
    event: Seen
    approvers: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        one = self.event
        return {
            "time": one.at_ms,
            "stage": self.stage,
            "action": one.action,
            "verb": one.verb or None,
            "allowed": one.allowed,
            "handler": one.actor,
            "approvers": list(self.approvers),
            "fields": list(one.fields),
            "purpose": one.purpose or None,
            "grant": one.grant or None,
            "version": one.version,
            "code": one.code or None,
            "event": one.uid,
        }


def concerns(record: str, event: Seen) -> bool:
    """Whether the event must be read for a record's history: it names the record, or it gives a grant."""
    return record in (event.record, event.subject) or _gives(event)


def history(record: str, events: Iterable[Seen]) -> list[Step]:
    """The steps of one record.

    Args:
        record: the record's reference.
        events: in the order of time; those of other records are left out.

    Returns:
        In the order of time; a step that was delivered twice, once.
    """
    givers: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    steps = []
    for event in events:
        if _gives(event):
            givers[event.grant] = event.approvers or (event.actor,)
        if record not in (event.record, event.subject) or event.uid in seen:
            continue
        seen.add(event.uid)
        steps.append(Step(_stage(event), event, event.approvers or givers.get(event.grant, ())))
    return steps


def _gives(event: Seen) -> bool:
    return event.action == "grant" and event.verb in ("give", "emergency") and event.allowed


def _stage(event: Seen) -> str:
    if event.verb in _ARRANGING:
        return "arrangement"
    return _STAGES.get(event.action, "operation")
