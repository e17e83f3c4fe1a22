"""Puts a worker's pipelines together, with meters beside their parts or without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from consumers.by_type import Applier
from keys.roots import root_of
from keys.vault import Transit
from schemas.levels import Level
from schemas.topics import AUDIT
from schemas.wire import Family
from store.database import Database
from streams.app import Process
from streams.observe.correlation import CorrelatedOpener
from streams.observe.metered import (
    FamilyAudit,
    MeteredApplier,
    MeteredAudit,
    MeteredOpener,
    MeteredOutbox,
    metered_process,
)
from streams.observe.meters import Meters
from streams.observe.serving import Check
from streams.pipeline import Audit, Opener, Outbox, Pipeline


@dataclass(frozen=True, slots=True)
class Watched:
    """What counts a worker's work, and its audit publisher, which knows whether it can write."""

    meters: Meters
    audit: MeteredAudit


def build_pipelines(
    appliers: Mapping[Family, Applier], *, opener: Opener, audit: Audit, outbox: Outbox, watched: Watched | None
) -> dict[Family, Pipeline]:
    """A pipeline for each family.

    Args:
        appliers: what applies each family's commands.
        opener: opens bundles.
        audit: the audit publisher; ``watched.audit`` is used in its place where there is one.
        outbox: where answers go.
        watched: counts; None counts nothing, and costs nothing.
    """
    opening = CorrelatedOpener(opener)
    if watched is None:
        return {
            family: Pipeline(family, opener=opening, applier=applier, audit=audit, outbox=outbox)
            for family, applier in appliers.items()
        }
    meters = watched.meters
    return {
        family: Pipeline(
            family,
            opener=MeteredOpener(meters, family, opening),
            applier=MeteredApplier(meters, family, applier),
            audit=FamilyAudit(meters, family, watched.audit),
            outbox=MeteredOutbox(meters, family, outbox),
        )
        for family, applier in appliers.items()
    }


def processes(pipelines: Mapping[Family, Pipeline], watched: Watched | None) -> dict[Family, Process]:
    """What handles the batches of each family."""
    if watched is None:
        return {family: pipeline.process for family, pipeline in pipelines.items()}
    return {family: metered_process(watched.meters, family, each.process) for family, each in pipelines.items()}


def dependency_checks(
    database: Database, transit: Transit, producer: AIOKafkaProducer, level: Level, watched: Watched
) -> dict[str, Check]:
    """What a worker needs in order to work, each asked for in the cheapest way that shows it.

    Args:
        database: the store.
        transit: Vault, asked for a key's versions with the worker's own token.
        producer: Kafka, asked where the audit topic is.
        level: a level that the worker serves.
        watched: knows whether the last audit events could be written.
    """

    async def store() -> bool:
        await database.command("ping")
        return True

    async def vault() -> bool:
        return await transit.latest_version(root_of(level)) > 0

    async def audit() -> bool:
        known = await producer.client.fetch_all_metadata()
        return bool(known.partitions_for_topic(AUDIT)) and not watched.audit.failing

    return {"store": store, "vault": vault, "audit": audit}
