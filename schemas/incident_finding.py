"""The alert of an incident on ``archive.alerts``: an OCSF 1.6.0 Incident Finding (class 2005).

It holds references alone. Its id is the incident's own, so that a report that is told twice is one finding.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from schemas.audit import OCSF_VERSION
from schemas.registers import Entry

#: The name space of these alerts' ids (RFC 9562 version 5), made once for this project.
_NAMESPACE: Final = uuid.UUID("9c1d7f3e-52a4-5b0e-a1c6-3f80e2b7d944")
_PRODUCT: Final = {"name": "dangan", "vendor_name": "dangan"}
_CLAUSES: Final = ("SEC-10", "SEC-11")
#: OCSF's numbers: an incident is high while it is suspected, and critical when it is known.
_SEVERITY: Final[Mapping[str, tuple[int, str]]] = {"suspected": (4, "High"), "known": (5, "Critical")}


@dataclass(frozen=True, slots=True)
class Finding:
    """An incident as it is told: the entry of the register, and who of each addressed post is registered."""

    entry: Entry
    addressees: Mapping[str, tuple[str, ...]]

    @property
    def uid(self) -> str:
        """The alert's id."""
        return str(uuid.uuid5(_NAMESPACE, self.entry.id))

    def ocsf(self) -> bytes:
        """The value on the topic: UTF-8 JSON on one line."""
        entry = self.entry
        first = entry.steps[0]
        severity_id, severity = _SEVERITY[str(first.said["certainty"])]
        title = f"Incident {entry.id}: {first.said['certainty']} {entry.kind}"
        own: dict[str, Any] = {
            "incident": entry.id,
            "kind": entry.kind,
            "key": entry.id,
            "addressees": {post: list(who) for post, who in self.addressees.items()},
            "responsible": list(_texts(first.said.get("responsible"))),
            "plan": first.said.get("plan"),
            "plan_version": first.said.get("plan_version"),
            "plan_on_file": "plan" in first.said,
            "records": list(_texts(first.said.get("records"))),
            "clauses": _CLAUSES,
        }
        event = {
            "class_uid": 2005,
            "category_uid": 2,
            "activity_id": 1,
            "activity_name": "Create",
            "type_uid": 200501,
            "severity_id": severity_id,
            "severity": severity,
            "status_id": 1,
            "status": "New",
            "is_suspected_breach": entry.kind == "leak",
            "message": title if "plan" in first.said else f"{title}; NO EMERGENCY PLAN IS ON FILE",
            "time": first.at * 1000,
            "metadata": {"uid": self.uid, "version": OCSF_VERSION, "product": _PRODUCT},
            "finding_info_list": [{"uid": self.uid, "title": title}],
            "unmapped": {"dangan": own},
        }
        return orjson.dumps(event)

    def headers(self) -> list[tuple[str, bytes]]:
        """CloudEvents 1.0 headers of its Kafka record: those of every alert."""
        return [
            ("ce_id", self.uid.encode()),
            ("ce_type", b"archive.alert.v1"),
            ("ce_specversion", b"1.0"),
            ("ce_source", b"dangan/incidents"),
            ("content-type", b"application/json"),
        ]


def _texts(value: Any) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()
