"""The topics: what expires does so in time, what must stay does."""

from __future__ import annotations

from schemas.settings import Settings
from schemas.topics import AUDIT, INPUTS, KEYS, MAX_MESSAGE_BYTES, REPLIES, topic_specs
from schemas.wire import FAMILIES, topic_of

HOUR = 3_600_000
SPECS = {spec.name: spec for spec in topic_specs()}


def test_every_command_family_has_its_topic() -> None:
    assert {topic_of(family) for family in FAMILIES} <= set(INPUTS)


def test_segments_roll_early_enough_for_expiry_to_be_real() -> None:
    for spec in SPECS.values():
        if spec.retention_ms > 0:
            assert int(spec.config["segment.ms"]) <= spec.retention_ms // 4
    assert SPECS[REPLIES].retention_ms == HOUR


def test_the_audit_trail_never_ends() -> None:
    assert SPECS[AUDIT].settings()["retention.ms"] == "-1"
    assert SPECS[AUDIT].settings()["retention.bytes"] == "-1"
    assert SPECS[AUDIT].settings()["cleanup.policy"] == "delete"


def test_key_announcements_are_ordered_and_the_newest_stays() -> None:
    assert SPECS[KEYS].partitions == 1
    assert topic_specs(64)[-1].partitions == 1
    assert SPECS[KEYS].cleanup_policy == "compact"


def test_a_bundle_is_never_accepted_longer_than_kafka_keeps_it() -> None:
    for name in INPUTS:
        assert Settings().max_bundle_age_seconds * 1000 <= SPECS[name].retention_ms


def test_the_broker_stamps_what_senders_send() -> None:
    for name in INPUTS:
        assert SPECS[name].settings()["message.timestamp.type"] == "LogAppendTime"


def test_what_senders_compress_is_measured_unpacked() -> None:
    for name in INPUTS:
        assert SPECS[name].settings()["compression.type"] == "uncompressed"


def test_kafka_takes_what_the_worker_takes() -> None:
    assert Settings().max_message_bytes < MAX_MESSAGE_BYTES
