"""What does not fit, as alerts: each kind with its title, its severity and what to look at first."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ops.detect.alerts import Alert
from ops.detect.rules import Severity
from ops.reconcile.compare import Finding, Mismatch

#: The name space of these alerts' ids (RFC 9562 version 5), made once for this project.
_NAMESPACE: Final = uuid.UUID("a0b6d8e2-41c7-5f0e-9d35-6c2be8f7a914")


@dataclass(frozen=True, slots=True)
class Meaning:
    """A kind of mismatch as alerts name it (ops.detect.alerts.Analytic)."""

    id: str
    title: str
    description: str
    severity: Severity
    clauses: tuple[str, ...] = ("SEC-12", "AUD-01")


_SAID: Final[Mapping[Mismatch, tuple[str, str, Severity]]] = {
    "unwrap-unexplained": (
        "Keys were unwrapped and no event of ours says what for",
        "Somebody used a worker's token directly, a piece of the audit stream is gone, or a worker died in between.",
        "critical",
    ),
    "sign-unexplained": (
        "A grant, application or share was signed and no event of ours tells of it",
        "Somebody used a worker's token to make grants. Rotate dangan-grants in Vault: then none of before counts.",
        "critical",
    ),
    "move-outside-run": (
        "Key versions were moved while no sweep was under way",
        "Somebody used the sweeper's token directly; what was trimmed is gone for good.",
        "critical",
    ),
    "unknown-identity": (
        "Keys were used by a token that is none of the archive's roles",
        "Look up the accessor in Vault: who made this token, and may it do that? Revoke it first.",
        "critical",
    ),
    "key-taken": (
        "A key was taken out of Vault, or put into it",
        "Export, backup, restore, import and deletion are nobody's work here.",
        "critical",
    ),
    "call-refused": (
        "Vault refused a use of the archive's keys",
        "A token tried what its policy does not allow: a mistake in the set-up, or somebody who is trying.",
        "high",
    ),
    "watch-changed": (
        "Vault's own guard was changed: its audit, its policies for the archive, or its root",
        "Right after dangan init; at any other time ask who did it.",
        "high",
    ),
    "read-without-unwrap": (
        "A read was answered though no key was unwrapped for it",
        "The event is invented, or keys come from elsewhere; or a part of Vault's log is missing.",
        "high",
    ),
}
MEANINGS: Final[Mapping[Mismatch, Meaning]] = MappingProxyType(
    {kind: Meaning(f"vault-{kind}", *said) for kind, said in _SAID.items()}
)


def alerts_of(findings: Iterable[Finding]) -> list[Alert]:
    """An alert for each finding; the same finding has the same id in every run."""
    return [_alert(one) for one in findings]


def _alert(found: Finding) -> Alert:
    name = "\n".join((found.kind, found.path, found.token, str(found.at_ms // 1000)))
    meaning = MEANINGS[found.kind]
    uid = str(uuid.uuid5(_NAMESPACE, name))
    if found.kind == "read-without-unwrap":
        return Alert(uid, meaning, "event", found.path, found.at_ms, (found.path,), 1)
    who = f"{found.identity} ({found.token or 'no token'}) from {found.address or 'unknown'}: {found.path}"
    return Alert(uid, meaning, "identity", who, found.at_ms, (), found.items)
