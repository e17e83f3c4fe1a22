"""An alert, and how it stands on ``archive.alerts``: an OCSF Detection Finding (class 2004)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson

from ops.detect.rules import Severity
from schemas.audit import OCSF_VERSION

ALERT_TYPE: Final = b"archive.alert.v1"
_SEVERITIES: Final[dict[Severity, tuple[int, str]]] = {
    "low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"), "critical": (5, "Critical"),
}  # fmt: skip
_PRODUCT: Final = {"name": "dangan", "vendor_name": "dangan"}


class Analytic(Protocol):
    """What found it: a rule (ops/detect/rules.py), or a comparison (ops/reconcile)."""

    @property
    def id(self) -> str:
        """Its name, ``a-z 0-9 -``."""

    @property
    def title(self) -> str:
        """What it means, in a few words."""

    @property
    def description(self) -> str:
        """What it means, and what to look at first."""

    @property
    def severity(self) -> Severity:
        """How bad it is."""

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses that it serves."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What was found.

    Attributes:
        uid: the same for the same finding, however often it is looked for.
        rule: by what.
        by: what ``key`` is: an attribute of events, or ``identity``: of a token of Vault.
        key: whom it is about.
        at_ms: when, UNIX milliseconds.
        evidence: the ids of audit events, oldest first; the last ones if there are many.
        total: how many events or values there were.
    """

    uid: str
    rule: Analytic
    by: str
    key: str
    at_ms: int
    evidence: tuple[str, ...]
    total: int

    def ocsf(self) -> bytes:
        """The value on the topic: UTF-8 JSON on one line."""
        rule = self.rule
        severity_id, severity = _SEVERITIES[rule.severity]
        own: dict[str, Any] = {"rule": rule.id, "by": self.by, "key": self.key, "count": self.total}
        if rule.clauses:
            own["clauses"] = rule.clauses
        info: dict[str, Any] = {
            "uid": self.uid,
            "title": rule.title,
            "desc": rule.description,
            "analytic": {"uid": rule.id, "name": rule.title, "type_id": 1, "type": "Rule"},
            "related_events": [{"uid": uid} for uid in self.evidence],
            "related_events_count": len(self.evidence),
        }
        event: dict[str, Any] = {
            "class_uid": 2004,
            "category_uid": 2,
            "activity_id": 1,
            "activity_name": "Create",
            "type_uid": 200401,
            "severity_id": severity_id,
            "severity": severity,
            "status_id": 1,
            "status": "New",
            "is_alert": True,
            "message": f"{rule.title}: {self.key}",
            "time": self.at_ms,
            "metadata": {"uid": self.uid, "version": OCSF_VERSION, "product": _PRODUCT},
            "finding_info": info,
            "unmapped": {"dangan": own},
        }
        if self.by == "actor":
            event["evidences"] = [{"actor": {"user": {"uid": self.key}}}]
        return orjson.dumps(event)

    def headers(self) -> list[tuple[str, bytes]]:
        """CloudEvents 1.0 headers of its Kafka record."""
        return [
            ("ce_id", self.uid.encode()),
            ("ce_type", ALERT_TYPE),
            ("ce_specversion", b"1.0"),
            ("ce_source", b"dangan/detect"),
            ("content-type", b"application/json"),
        ]
