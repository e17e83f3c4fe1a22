"""Missed and failed backups and drills, as alerts on ``archive.alerts``, each told once. Clauses STO-07 and STO-08."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ops.backups.schedule import Missed
from ops.detect.alerts import Alert
from ops.detect.rules import Severity
from ops.detect.source import known_alerts, publish
from streams.kafka import Kafka

#: The name space of these alerts' ids (RFC 9562 version 5), made once for this project.
_NAMESPACE: Final = uuid.UUID("c1d7a2b4-58f0-5d0e-8a55-0f6b0c3c7e61")
_TITLES: Final = {
    "incremental": "A daily incremental backup was missed",
    "full": "A weekly full backup was missed",
    "failed": "A backup failed",
    "partial": "A backup is not in every place",
    "chain": "The newest backup cannot be restored: one that it rests on is gone or altered",
    "drill": "A simulated restore is overdue",
}


@dataclass(frozen=True, slots=True)
class _Analytic:
    id: str
    title: str
    description: str
    severity: Severity
    clauses: tuple[str, ...]


def alert_of(missed: Missed, *, now: int) -> Alert:
    """The alert; the same id for the same thing missed since the same time, however often it is looked for.

    Args:
        missed: what was missed.
        now: UNIX seconds.
    """
    analytic = _Analytic(
        id=f"backup-{missed.what}",
        title=_TITLES[missed.what],
        description="dangan backup due and dangan drill due tell what is overdue, and what to do.",
        severity="medium" if missed.what == "partial" else "high",
        clauses=("STO-08" if missed.what == "drill" else "STO-07",),
    )
    key = missed.about or missed.what
    uid = str(uuid.uuid5(_NAMESPACE, f"{analytic.id}\n{missed.since}\n{missed.about}"))
    return Alert(uid, analytic, "record", key, now * 1000, (), 1)


async def tell(kafka: Kafka, missed: Sequence[Missed], *, now: int) -> list[Alert]:
    """Put those alerts on the topic that are not there yet; return them.

    Args:
        kafka: the cluster.
        missed: what was missed.
        now: UNIX seconds.

    Raises:
        Transient: DG-DET-002 when they are not durable.
    """
    alerts = [alert_of(each, now=now) for each in missed]
    if not alerts:
        return []
    known = await known_alerts(kafka)
    new = [alert for alert in alerts if alert.uid not in known]
    await publish(kafka, new)
    return new
