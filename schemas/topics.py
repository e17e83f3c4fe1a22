"""The Kafka topics and how each is kept. Pure data: ``ops/bootstrap.py`` creates them, ``dangan doctor`` checks them.

Kafka deletes whole segments, never single messages: a message lives for its topic's retention *plus* the age its
segment may reach. So every topic whose expiry is a promise also bounds ``segment.ms``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

COLLECT: Final = "archive.collect"
UPDATE: Final = "archive.update"
ACCESS: Final = "archive.access"
DESTROY: Final = "archive.destroy"
APPROVE: Final = "archive.approve"
ADMIN: Final = "archive.admin"
AUDIT: Final = "archive.audit"
ALERTS: Final = "archive.alerts"
REPLIES: Final = "archive.replies"
DEAD_LETTERS: Final = "archive.dead-letters"
KEYS: Final = "archive.keys"

INPUTS: Final = (COLLECT, UPDATE, ACCESS, DESTROY, APPROVE, ADMIN)

FOREVER: Final = -1
_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_WEEK_MS: Final = 7 * 24 * _HOUR_MS

MAX_MESSAGE_BYTES: Final = 2 * 1024 * 1024
"""What a topic takes at most: twice a bundle's own limit, so that the worker, not the broker, judges a large one."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic as the code needs it.

    Args:
        name: the topic's name.
        partitions: how many; adding some later moves keys, so choose once.
        retention_ms: how long a message is kept, in milliseconds; -1 keeps it for ever.
        cleanup_policy: ``delete`` ends messages by age, ``compact`` keeps the newest of each key.
        config: further topic settings, as Kafka names them.
    """

    name: str
    partitions: int
    retention_ms: int
    cleanup_policy: Literal["delete", "compact"] = "delete"
    config: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def settings(self) -> dict[str, str]:
        """Every setting of the topic, named and written as Kafka does."""
        return {
            "cleanup.policy": self.cleanup_policy,
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            **self.config,
        }


def topic_specs(partitions: int = 4) -> tuple[TopicSpec, ...]:
    """The topics of one installation.

    Args:
        partitions: of each input topic and of the audit, reply and dead-letter topics.

    Returns:
        One spec for each topic; the ingest key announcements and the
        alerts always have one partition, so that they are ordered.
    """
    weekly = MappingProxyType({"segment.ms": str(6 * _HOUR_MS)})
    # Whether a bundle is too old, when its record's retention begins and when Kafka lets go of it hang on its time:
    # the broker's, because a sender's own would be whatever it likes.
    # A sender may compress on the way; the broker unpacks, and so measures what a worker would have to unpack: without
    # that, a few kilobytes could become gigabytes there.
    senders = MappingProxyType(
        {**weekly, "message.timestamp.type": "LogAppendTime", "compression.type": "uncompressed"}
    )
    inputs = tuple(TopicSpec(name, partitions, _WEEK_MS, config=senders) for name in INPUTS)
    return (
        *inputs,
        # The audit trail outlives everything it tells of; size never ends it either.
        TopicSpec(AUDIT, partitions, FOREVER, config=MappingProxyType({"retention.bytes": "-1"})),
        # What detections found in it: few, and evidence as well.
        TopicSpec(ALERTS, 1, FOREVER, config=MappingProxyType({"retention.bytes": "-1"})),
        TopicSpec(REPLIES, partitions, _HOUR_MS, config=MappingProxyType({"segment.ms": str(10 * _MINUTE_MS)})),
        # As long as the inputs: a dead letter is sealed to an ingest key that must not outlive its last message.
        TopicSpec(DEAD_LETTERS, partitions, _WEEK_MS, config=weekly),
        TopicSpec(KEYS, 1, FOREVER, "compact", MappingProxyType({"segment.ms": str(6 * _HOUR_MS)})),
    )
