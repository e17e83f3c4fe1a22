"""Alerts of incidents from a worker: on ``archive.alerts`` before anybody is answered (clause SEC-10)."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.errors import Transient
from schemas.incident_finding import Finding
from schemas.topics import ALERTS


class KafkaAlerts:
    """Publishes findings.

    Args:
        producer: started, acks=all.
    """

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def __call__(self, finding: Finding) -> None:
        """Return when the alert is durable.

        Raises:
            Transient: DG-KAF-001; nobody knows whether it is there, and the same alert may be sent again.
        """
        try:
            await self._producer.send_and_wait(
                ALERTS,
                finding.ocsf(),
                key=finding.uid.encode(),
                headers=finding.headers(),
                timestamp_ms=finding.entry.steps[0].at * 1000,
            )
        except KafkaError as error:
            raise Transient("DG-KAF-001", detail=type(error).__name__) from error
