"""A worker: connects everything, runs the Faust application, ends cleanly when told to.

A worker that cannot go on ends at once without acknowledging (exit status 75); whoever supervises it starts
it again, and the messages come again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import faust.streams
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from consumers.directory import Directory
from consumers.rules import Rules
from keys.ingest_ring import IngestKeyring
from keys.ring import KeyRing
from keys.roots import GRANTS_KEY, REGISTRATIONS_KEY
from keys.stored_signatures import StoredSeal
from keys.vault import Transit, transit_of
from schemas.errors import DanganError, Transient
from schemas.levels import Level
from schemas.settings import Settings
from schemas.topics import MAX_MESSAGE_BYTES
from schemas.wire import TOPIC_AUDIT, Family, WireLimits
from store.checkpoints import Checkpoints
from store.database import TRANSIENT, connect
from store.field_levels import keep_levels
from store.ingest_keys import IngestKeys
from store.pages import Pages
from store.principals import Principals
from streams.alerting import KafkaAlerts
from streams.app import make_app
from streams.appliers import Parts, appliers
from streams.audit.kafka import kafka_log
from streams.audit.publisher import AuditPublisher
from streams.collector import calm_the_collector
from streams.dispatcher import EXIT_CANNOT_GO_ON
from streams.kafka import kafka_of
from streams.observe.building import Watched, build_pipelines, dependency_checks, processes
from streams.observe.metered import MeteredAudit
from streams.observe.meters import Meters
from streams.observe.serving import Check, Readiness, served
from streams.observe.state import WorkerState, lag_of
from streams.opening import BundleOpener
from streams.outbox import KafkaOutbox
from streams.pipeline import Pipeline, persistently
from streams.writer import WriterIdentity, new_writer, renewed

log = structlog.get_logger(__name__)

#: Token and certificate are renewed this often, seconds (they last 30 days or more).
RENEW_EVERY = 24 * 3600
#: How long a worker that is told to stop may take for what it has begun, seconds.
STOP_WITHIN = 60


@dataclass(frozen=True, slots=True)
class Engine:
    """A worker's pipelines and what can be counted about it.

    Attributes:
        watched: counts its work; None where no metrics are served.
        checks: whether what it depends on answers.
    """

    pipelines: dict[Family, Pipeline]
    transit: Transit
    writer: WriterIdentity
    renewal: asyncio.Task[None]
    ring: KeyRing
    watched: Watched | None
    checks: Mapping[str, Check]


@asynccontextmanager
async def engine(settings: Settings, rules: Rules, *, name: str, role: str = "worker") -> AsyncIterator[Engine]:
    """Everything a worker needs, connected; closed at the end.

    Args:
        settings: where the services are.
        rules: catalogue and policies.
        name: the worker's name, for its audit chain.
        role: the Vault role whose token it uses.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        database = await enter(connect(settings.mongo_uri.get_secret_value(), settings.mongo_database))
        transit = await enter(transit_of(settings, settings.token_file(role)))
        changed = await keep_levels(database, {name: spec.level for name, spec in rules.catalogue.fields.items()})
        if changed:
            raise DanganError("DG-OPS-051", detail=", ".join(changed))
        pages, ingest_keys = Pages(database), IngestKeys(database)
        keyring = IngestKeyring(transit, ingest_keys)
        people = rules.book.people
        seal = StoredSeal(transit, REGISTRATIONS_KEY) if people.signed_registrations else None
        await transit.public_key(GRANTS_KEY)  # an installation from before has none: better told now than at each read
        checkpoints, directory = Checkpoints(database), Directory(Principals(database), people=people, seal=seal)
        ring = await enter(KeyRing(transit, pages, settings.levels, cache_pages=settings.key_cache_entries))
        producer = AIOKafkaProducer(
            **kafka_of(settings).client,
            acks="all",  # not idempotent: answers may come twice, and one refused answer must not stop the others
            max_request_size=MAX_MESSAGE_BYTES,
            client_id="dangan-replies",
        )
        stack.push_async_callback(producer.stop)
        await producer.start()
        writer = await new_writer(transit, name, time.time())
        audit = await enter(
            AuditPublisher(
                kafka_log(kafka_of(settings), TOPIC_AUDIT, writer.id), writer, checkpoints.save, clock=time.time
            )
        )
        identity = [writer]
        renewal = asyncio.create_task(_renew(transit, identity, audit), name="renew-writer")
        stack.callback(renewal.cancel)
        opener = BundleOpener(
            directory, keyring, WireLimits(settings.max_message_bytes, settings.max_bundle_age_seconds)
        )
        outbox = KafkaOutbox(producer, lambda: identity[0], max_value=settings.max_message_bytes)
        told, signs = KafkaAlerts(producer), lambda: identity[0]
        parts = Parts(database, transit, pages, ingest_keys, directory, ring, rules, audit.publish, told, signs)
        watched, checks = None, dict[str, Check]()
        if settings.metrics_port:
            meters = Meters()
            watched = Watched(meters, MeteredAudit(meters, audit))
            checks = dependency_checks(database, transit, producer, settings.levels[0], watched)
        pipelines = build_pipelines(appliers(parts), opener=opener, audit=audit, outbox=outbox, watched=watched)
        yield Engine(pipelines, transit, writer, renewal, ring, watched, checks)


async def run(settings: Settings, rules: Rules, *, name: str, role: str = "worker") -> None:
    """Run a worker until SIGTERM or SIGINT.

    Raises:
        DanganError: DG-OPS-050 to 052; DG-KEY-001, DG-STO-001 or DG-KAF-001 when a service cannot be reached at
            the start.
    """
    _check_installation(settings)
    try:
        await _run(settings, rules, name=name, role=role)
    except TRANSIENT as error:
        raise Transient("DG-STO-001", detail=type(error).__name__) from error
    except KafkaError as error:
        raise Transient("DG-KAF-001", detail=type(error).__name__) from error


async def _run(settings: Settings, rules: Rules, *, name: str, role: str) -> None:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_stop.set)
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(engine(settings, rules, name=name, role=role))
        app = make_app(
            kafka_of(settings),
            processes(made.pipelines, made.watched),
            datadir=settings.home / "faust" / name,
            in_flight={family: _in_flight(family, settings) for family in made.pipelines},
        )
        await app.start()
        if made.watched is not None:
            await stack.enter_async_context(_shown(settings, made, made.watched, app.consumer))
        made.renewal.add_done_callback(_end_with_it)
        calm_the_collector()
        log.info("worker_started", worker=made.writer.id)
        crashed = asyncio.create_task(app.wait_until_stopped())
        stopping = asyncio.create_task(told_to_stop.wait())
        await asyncio.wait({crashed, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not told_to_stop.is_set():
            log.critical("faust_stopped", crashed=bool(app.crashed))
            os._exit(EXIT_CANNOT_GO_ON)
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await app.stop()
        except TimeoutError:  # a dependency is away: what is at work comes again
            log.critical("stop_timed_out", seconds=STOP_WITHIN)
            os._exit(EXIT_CANNOT_GO_ON)
        crashed.cancel()
        log.info("worker_stopped", worker=made.writer.id)


@asynccontextmanager
async def _shown(settings: Settings, made: Engine, watched: Watched, consumer: Any) -> AsyncIterator[None]:
    """Metrics and health, served for as long as the context lasts."""

    async def assigned() -> bool:
        return bool(consumer.assignment())

    registry = watched.meters.registry
    registry.register(WorkerState(made.transit.calls, made.ring, lambda: lag_of(consumer)))
    ready = Readiness({"partitions": assigned, **made.checks})
    async with served(registry, ready, host=settings.metrics_host, port=settings.metrics_port):
        yield


def _end_with_it(task: asyncio.Task[None]) -> None:
    """A worker whose token or certificate cannot be renewed would fail later, and less plainly."""
    if not task.cancelled() and task.exception() is not None:
        log.critical("renewal_failed", error=type(task.exception()).__name__)
        os._exit(EXIT_CANNOT_GO_ON)


def _check_installation(settings: Settings) -> None:
    if set(settings.levels) != set(Level):
        raise DanganError("DG-OPS-050", field="levels")
    if getattr(faust.streams, "_CStreamIterator", None) is None:
        # Faust's Python iterator acknowledges what it skips at a rebalance: those messages would be lost.
        raise DanganError("DG-OPS-052")


def _in_flight(family: Family, settings: Settings) -> int:
    # Updates of one record, and the steps of a destruction, must not overtake each other.
    return settings.batches_in_flight if family in ("collect", "access") else 1


async def _renew(transit: Transit, identity: list[WriterIdentity], audit: AuditPublisher) -> None:
    """Once a day: the Vault token, and the certificate of this process's signing key."""
    while True:
        await asyncio.sleep(RENEW_EVERY)
        await persistently(transit.renew_token)
        identity[0] = await persistently(lambda: renewed(transit, identity[0], time.time()))
        audit.renew(identity[0])
