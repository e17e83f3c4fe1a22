"""Which program serves which service in a home."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ops.embedded.kafka import KafkaBroker
from ops.embedded.kafka_jars import missing_for_broker
from ops.embedded.kafka_mock import KafkaMock
from ops.embedded.mongo import Mongo
from ops.embedded.program import Program, Service
from ops.embedded.state import ServiceState
from ops.embedded.vault import Vault

KafkaKind = Literal["auto", "broker", "mock"]


def program_of(home: Path, service: Service, kind: str) -> Program:
    """The program of a service in a home; ``kind`` chooses between Kafka's two."""
    folder = home / service.value
    if service is Service.MONGO:
        return Mongo(folder)
    if service is Service.VAULT:
        return Vault(folder)
    return KafkaMock(folder) if kind == KafkaMock.kind else KafkaBroker(folder)


def kind_of(service: Service, kafka: KafkaKind, known: ServiceState | None) -> str:
    """The kind to start: Kafka's is a choice, and one that runs already stays unless another is asked for."""
    if service is Service.MONGO:
        return Mongo.kind
    if service is Service.VAULT:
        return Vault.kind
    if kafka != "auto":
        return kafka
    running = known.process() if known is not None else None
    if known is not None and running is not None and running.alive():
        return known.kind
    return KafkaBroker.kind if missing_for_broker() is None else KafkaMock.kind


def markers(home: Path) -> list[str]:
    """The markers of every program that may run in a home."""
    kinds = {Service.KAFKA: (KafkaBroker.kind, KafkaMock.kind)}
    return [program_of(home, service, kind).marker for service in Service for kind in kinds.get(service, ("",))]
