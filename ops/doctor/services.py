"""Checks of Kafka and MongoDB: reachable, and set as the code needs."""

from __future__ import annotations

import asyncio
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from ops.doctor.findings import Finding, ok, warning, wrong
from ops.topic_setup import topic_differences
from schemas.errors import DanganError
from schemas.settings import Settings
from schemas.topics import topic_specs
from streams.kafka import kafka_of

_START = "Start it (dangan up), or correct its address in HOME/dangan.toml."


def examine_kafka(settings: Settings) -> list[Finding]:
    """Whether Kafka answers, and each topic is there with its settings."""
    if _is_mock(settings):
        return [warning("Kafka", "the mock cluster: nothing survives a restart", "Install Java 17 and Maven.")]
    specs = topic_specs(settings.topic_partitions)
    try:
        differences = asyncio.run(topic_differences(kafka_of(settings), specs, settings.topic_replication))
    except DanganError as error:
        return [wrong("Kafka", error.sentence, _START if error.code == "DG-OPS-019" else error.next_step)]
    findings = [ok("Kafka", settings.kafka_bootstrap)]
    mend = "Alter the topic so (kafka-configs, kafka-topics); a missing one is made by dangan init."
    findings += [wrong("topic", difference, mend) for difference in differences]
    if not differences:
        findings.append(ok("topics", f"{len(specs)} topics as wanted"))
    return findings


def examine_mongo(settings: Settings) -> list[Finding]:
    """Whether MongoDB answers, and is a replica set."""
    uri = settings.mongo_uri.get_secret_value()
    try:
        client: MongoClient[dict[str, Any]] = MongoClient(uri, serverSelectionTimeoutMS=2000)
    except PyMongoError as error:
        return [wrong("MongoDB", f"its address is not valid: {type(error).__name__}", "Correct mongo_uri.")]
    try:
        hello = client.admin.command("hello")
    except PyMongoError as error:
        return [wrong("MongoDB", f"does not answer: {type(error).__name__}", _START)]
    finally:
        client.close()
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        return [
            warning("MongoDB", "a standalone server", "Use a replica set: majority writes then outlive one server.")
        ]
    return [ok("MongoDB", "answers, majority writes")]


def _is_mock(settings: Settings) -> bool:
    try:
        from ops.embedded.program import Service  # noqa: PLC0415 - the embedded extra may be absent
        from ops.embedded.state import load_state  # noqa: PLC0415
    except ModuleNotFoundError:
        return False
    try:
        known = load_state(settings.home).services.get(Service.KAFKA)
    except DanganError:
        return False
    return known is not None and known.kind == "mock" and known.pid is not None
