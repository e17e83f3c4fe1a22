"""What is left when a storm is over: offsets, audit events, chains, replies, records."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from keys.principal_keys import PrincipalKeys
from ops.audit_files import notes_of
from schemas import wire
from schemas.errors import DanganError
from schemas.settings import Settings
from schemas.wire import FAMILIES, topic_of
from store.checkpoints import Checkpoints
from store.database import connect
from store.record import Record
from store.records import Records
from streams.app import GROUP
from streams.audit.checkpoint import VALUE_PREFIX
from streams.audit.findings import Report
from streams.audit.verify import Verifier
from streams.reply_envelope import open_reply
from tests.harness.office import Office


async def drain(settings: Settings, within: float = 60.0) -> None:
    """Wait until every message of the command topics is committed.

    Raises:
        TimeoutError: naming how many are not.
    """
    deadline = time.monotonic() + within
    while behind := await lag(settings):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{behind} messages are not committed")
        await asyncio.sleep(0.3)


async def lag(settings: Settings) -> int:
    """How many messages of the command topics are not committed yet."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap, group_id=None)
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await consumer.start()
    try:
        await admin.start()
        partitions = [
            TopicPartition(topic_of(family), number)
            for family in FAMILIES
            for number in range(settings.topic_partitions)
        ]
        ends = await consumer.end_offsets(partitions)
        committed = await admin.list_consumer_group_offsets(GROUP)
    finally:
        await admin.close()
        await consumer.stop()
    done = {at: max(0, found.offset) for at, found in committed.items()}
    return sum(max(0, end - done.get(at, 0)) for at, end in ends.items())


async def messages_of(settings: Settings, *topics: str) -> list[Any]:
    """Every message of the topics up to their ends now (aiokafka's records), partition by partition."""
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=settings.kafka_bootstrap,
        group_id=None,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    found = []
    await consumer.start()
    try:
        partitions = consumer.assignment()  # all of them: there is no group to share with
        ends = await consumer.end_offsets(partitions)
        left = {at for at in partitions if await consumer.position(at) < ends[at]}
        while left:
            for batch in (await consumer.getmany(timeout_ms=300)).values():
                found += batch
            left = {at for at in left if await consumer.position(at) < ends[at]}
    finally:
        await consumer.stop()
    return sorted(found, key=lambda message: (message.topic, message.partition, message.offset))


async def values_of(settings: Settings, topic: str) -> list[bytes]:
    """Every value on a topic, partition by partition."""
    return [message.value or b"" for message in await messages_of(settings, topic)]


async def audit_events(settings: Settings) -> list[dict[str, Any]]:
    """Every audit event, checkpoints left out."""
    values = await values_of(settings, wire.TOPIC_AUDIT)
    return [orjson.loads(value) for value in values if not value.startswith(VALUE_PREFIX)]


def by_command(events: Collection[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Command id -> event uid -> event: a repeated event counts once."""
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for event in events:
        found[event["unmapped"]["dangan"]["command"]][event["metadata"]["uid"]] = event
    return found


def telling_of(events: dict[str, dict[str, dict[str, Any]]], place: str, code: str) -> list[dict[str, Any]]:
    """Those events of :func:`by_command` with a code that stand for the unreadable message at a place, alone or not."""
    partition, _, offset = place.rpartition("/")
    found = []
    for command, same in events.items():
        where, _, offsets = command.rpartition("/")
        first, _, last = offsets.partition("-")
        if where == partition and int(first) <= int(offset) <= int(last or first):
            found += [event for event in same.values() if event["status_code"] == code]
    return found


def handled(events: Collection[dict[str, Any]]) -> set[tuple[str, str]]:
    """(command id, place) of every event: each message that Kafka took must show here, also a repeated one."""
    return {(event["unmapped"]["dangan"]["command"], event["src_endpoint"].get("uid", "")) for event in events}


async def chain_report(office: Office) -> Report:
    """What ``dangan audit verify`` finds, with the checkpoints that the database keeps."""
    settings = office.settings
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        kept = [one async for one in Checkpoints(database).all()]
    verifier = Verifier(office.trust, notes_of(kept))
    for number, value in enumerate(await values_of(settings, wire.TOPIC_AUDIT)):
        verifier.feed(value, wire.TOPIC_AUDIT, number)
    return verifier.finish()


async def answers(office: Office, who: PrincipalKeys) -> dict[str, Counter[tuple[str, str | None]]]:
    """Command id -> every (status, code) that was ever answered to a principal, from the whole replies topic."""
    found: dict[str, Counter[tuple[str, str | None]]] = defaultdict(Counter)
    for value in await values_of(office.settings, wire.TOPIC_REPLIES):
        try:
            opened = open_reply(value, key=who.receiving, trust=office.trust)
        except DanganError:
            continue  # another principal's
        results = (result for reply in orjson.loads(opened.payload)["replies"] for result in reply["results"])
        for result in results:
            found[result["id"]][result["status"], result.get("code")] += 1
    return found


async def records_of(settings: Settings, ids: Collection[str]) -> dict[str, Record]:
    """The live records, with their histories; a hundred at a time, since the embedded store scans for long lists."""
    wanted, found = sorted(ids), dict[str, Record]()
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        for start in range(0, len(wanted), 100):
            found |= await Records(database).get(wanted[start : start + 100], history=True)
    return found
