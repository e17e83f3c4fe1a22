"""Which program serves which service in a home."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from ops.embedded.kafka import KafkaBroker
from ops.embedded.kafka_jars import missing_for_broker
from ops.embedded.kafka_mock import KafkaMock
from ops.embedded.mongo import Mongo, MongoInRust
from ops.embedded.program import Program, Service
from ops.embedded.state import ServiceState
from ops.embedded.vault import Vault
from schemas.errors import DanganError

KafkaKind = Literal["auto", "broker", "mock"]
#: Names the store of homes that are made from now on; for measuring on another one.
STORE_VARIABLE: Final = "DANGAN_EMBEDDED_STORE"
_STORES: Final[Mapping[str, type[Mongo]]] = {each.kind: each for each in (Mongo, MongoInRust)}


def program_of(home: Path, service: Service, kind: str) -> Program:
    """The program of a service in a home; ``kind`` chooses where there are two."""
    folder = home / service.value
    if service is Service.MONGO:
        return _store_of(kind or Mongo.kind)(folder)
    if service is Service.VAULT:
        return Vault(folder)
    return KafkaMock(folder) if kind == KafkaMock.kind else KafkaBroker(folder)


def kind_of(service: Service, kafka: KafkaKind, known: ServiceState | None) -> str:
    """The kind to start: Kafka's is a choice, and one that runs already stays unless another is asked for.

    A home keeps the store that it was made with: nobody says that the other one reads its data.

    Raises:
        DanganError: DG-OPS-022 when :data:`STORE_VARIABLE` names no store.
    """
    if service is Service.MONGO:
        return known.kind if known is not None else _store()
    if service is Service.VAULT:
        return Vault.kind
    if kafka != "auto":
        return kafka
    running = known.process() if known is not None else None
    if known is not None and running is not None and running.alive():
        return known.kind
    return KafkaBroker.kind if missing_for_broker() is None else KafkaMock.kind


def _store() -> str:
    return _store_of(os.environ.get(STORE_VARIABLE) or Mongo.kind).kind


def _store_of(kind: str) -> type[Mongo]:
    if kind not in _STORES:
        raise DanganError("DG-OPS-022", field=STORE_VARIABLE, detail=", ".join(sorted(_STORES)))
    return _STORES[kind]


def markers(home: Path) -> list[str]:
    """The markers of every program that may run in a home."""
    kinds = {Service.KAFKA: (KafkaBroker.kind, KafkaMock.kind)}
    return [program_of(home, service, kind).marker for service in Service for kind in kinds.get(service, ("",))]
