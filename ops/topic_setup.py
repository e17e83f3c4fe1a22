"""Create Kafka's topics as ``schemas/topics.py`` wants them, or say how existing ones differ."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaClient
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from schemas.errors import DanganError
from schemas.topics import TopicSpec
from streams.kafka import Kafka

_ALREADY_EXISTS = 36
_TRIES = 40
_PAUSE_SECONDS = 0.25


async def ensure_topics(kafka: Kafka, specs: Sequence[TopicSpec], replication: int) -> list[str]:
    """Create the topics that are missing.

    Args:
        kafka: the cluster.
        specs: the topics.
        replication: copies of each partition.

    Returns:
        The names of those created now.

    Raises:
        DanganError: DG-OPS-014 if one exists with other settings, DG-OPS-015 or 019 if Kafka refuses or is silent.
    """
    admin = AIOKafkaAdminClient(**kafka.client)
    try:
        await admin.start()
        present = set(await admin.list_topics())
        missing = [spec for spec in specs if spec.name not in present]
        if missing:
            answer = await admin.create_topics([_new_topic(spec, replication) for spec in missing])
            _check_created(answer.topic_errors)
        # A created topic is listed only when the brokers have heard of it.
        for _ in range(_TRIES):
            differences = await _differences(admin, specs, replication)
            if not any(difference.endswith("is missing") for difference in differences):
                break
            await asyncio.sleep(_PAUSE_SECONDS)
    except (KafkaError, OSError) as error:
        raise DanganError("DG-OPS-019", detail=f"Kafka at {kafka.servers}: {type(error).__name__}") from error
    finally:
        await admin.close()
    if differences:
        raise DanganError("DG-OPS-014", detail="; ".join(differences))
    return [spec.name for spec in missing]


async def topic_differences(kafka: Kafka, specs: Sequence[TopicSpec], replication: int) -> list[str]:
    """How the topics differ from what they should be, one sentence each; empty if they do not."""
    admin = AIOKafkaAdminClient(**kafka.client, request_timeout_ms=5000)
    try:
        await admin.start()
        return await _differences(admin, specs, replication)
    except (KafkaError, OSError) as error:
        raise DanganError("DG-OPS-019", detail=f"Kafka at {kafka.servers}: {type(error).__name__}") from error
    finally:
        await admin.close()


async def touch_topics(kafka: Kafka, specs: Sequence[TopicSpec]) -> None:
    """Make the topics spring up on the mock cluster, which cannot create them with settings."""
    client = AIOKafkaClient(**kafka.client)
    try:
        await client.bootstrap()
        await client.set_topics([spec.name for spec in specs])
    finally:
        await client.close()


def _new_topic(spec: TopicSpec, replication: int) -> NewTopic:
    return NewTopic(spec.name, spec.partitions, replication, topic_configs=_settings(spec, replication))


def _settings(spec: TopicSpec, replication: int) -> dict[str, str]:
    # With three copies, acks=all has to mean two disks at least: otherwise it means one.
    durable = {"min.insync.replicas": "2"} if replication >= 3 else {}
    return {**spec.settings(), **durable}


def _check_created(errors: Sequence[Sequence[Any]]) -> None:
    for name, code, *message in errors:
        # Another one may have created it a moment ago; whether it is as it should be is checked next.
        if code not in (0, _ALREADY_EXISTS):
            raise DanganError("DG-OPS-015", detail=f"{name}: error {code} {' '.join(str(m) for m in message if m)}")


async def _differences(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec], replication: int) -> list[str]:
    names = [spec.name for spec in specs]
    described = {topic["topic"]: topic for topic in await admin.describe_topics(names)}
    found: list[str] = []
    present: list[TopicSpec] = []
    for spec in specs:
        topic = described.get(spec.name)
        if topic is None or topic["error_code"] != 0:
            found.append(f"{spec.name} is missing")
            continue
        present.append(spec)
        if len(topic["partitions"]) != spec.partitions:
            found.append(f"{spec.name} has {len(topic['partitions'])} partitions, not {spec.partitions}")
    configs = await _configs(admin, [spec.name for spec in present])
    for spec in present:
        for setting, wanted in _settings(spec, replication).items():
            value = configs[spec.name].get(setting)
            if value != wanted:
                found.append(f"{spec.name} has {setting}={value}, not {wanted}")
    return found


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str | None]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs: dict[str, dict[str, str | None]] = {}
    for answer in await admin.describe_configs(resources):
        for code, _message, _kind, name, entries in answer.resources:
            if code != 0:
                raise DanganError("DG-OPS-015", detail=f"{name}: error {code} reading its settings")
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs
