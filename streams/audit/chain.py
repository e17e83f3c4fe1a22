"""A writer's hash chain: every event names its writer, its number and the hash of the event before it.

The place in the chain is the last member of ``unmapped.dangan`` and so of the whole value:

    ..."chain":{"writer":"w1.9f3c","seq":7,"prev":"<64 hex digits>","at":1795000000000}}}}

``prev`` is the Merkle leaf hash (streams/audit/merkle.py) of the previous value's bytes, 64 zeros for the
first, so one hash of an event serves chain and tree. What counts are the value's bytes as Kafka holds them;
nobody has to make JSON canonical. A chain belongs to one process: its first event carries the certificate of
the key that signs its checkpoints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from schemas.audit import CLOSING
from streams.audit.merkle import HASH_BYTES, CompactRange, leaf_hash

FIRST_PREV: Final = bytes(HASH_BYTES)
OPENING: Final = b',"chain":{"writer":"'
_PLACE: Final = re.compile(
    rb',"chain":\{"writer":"([A-Za-z0-9._:-]{1,128})","seq":(0|[1-9][0-9]{0,17}),"prev":"([0-9a-f]{64})",'
    rb'"at":([0-9]{1,16})\}\}\}\}'
)


@dataclass(frozen=True, slots=True)
class Link:
    """An event's place as it states it: ``prev`` is 32 bytes, ``at`` UNIX milliseconds."""

    writer: str
    seq: int
    prev: bytes
    at: int


def read_link(value: bytes) -> Link | None:
    """The place that an event's bytes state, or None if they state none. Proves nothing by itself."""
    found = _PLACE.fullmatch(value, at) if (at := value.rfind(OPENING)) >= 0 else None
    if found is None:
        return None
    writer, seq, prev, at_ms = found.groups()
    return Link(writer.decode(), int(seq), bytes.fromhex(prev.decode()), int(at_ms))


class Chain:
    """The writing end of one chain."""

    __slots__ = ("_tree", "_writer", "head", "writer")

    def __init__(self, writer: str) -> None:
        self.writer = writer
        self.head = FIRST_PREV
        self._writer = writer.encode()
        self._tree = CompactRange()

    @property
    def size(self) -> int:
        """How many events the chain holds."""
        return self._tree.size

    def add(self, event: bytes, at_ms: int) -> bytes:
        """Give an event the next place.

        Args:
            event: an event as ``schemas.audit.ocsf`` makes it.
            at_ms: now, UNIX milliseconds.

        Returns:
            The value to publish; from here the chain counts on exactly these bytes.
        """
        if not event.endswith(CLOSING):
            raise ValueError("an event must end with unmapped.dangan")
        value = b'%b,"chain":{"writer":"%b","seq":%d,"prev":"%b","at":%d}}}}' % (
            event[: -len(CLOSING)],
            self._writer,
            self._tree.size,
            self.head.hex().encode(),
            at_ms,
        )
        self.head = leaf_hash(value)
        self._tree.append(self.head)
        return value

    def root(self) -> bytes:
        """The Merkle root over all values so far, 32 bytes."""
        return self._tree.root()
