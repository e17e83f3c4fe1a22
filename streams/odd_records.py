"""Kafka records that the broker stores and aiokafka's parser does not survive: read instead of stopping everybody.

Kafka's protocol calls a header's name a string, but a broker stores whatever bytes a producer sent. aiokafka decodes
them strictly, inside its fetcher: one such record, by anyone who may write to the topic, would stop every worker
at the same offset for ever, before any code that could put it aside (docs/adr/0008). A record's attributes are
worse: one unused byte, which aiokafka takes for a number of variable length, so that it reads what follows one byte
off, the offset included, and a worker could commit past other people's messages. So the fetcher is given batches
that look for both and are read with those bytes replaced where they have to be. A name that was replaced is none of
ours, and headers that are none of ours are ignored (docs/wire.md, section 2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record import default_records, memory_records
from aiokafka.record.util import decode_varint

#: Base offset and length, which every format of a record batch begins with.
_OVERHEAD: Final = struct.Struct(">qi")
#: Places in a batch of format 2: its magic, the low byte of its attributes, its count, its first record (KIP-98).
_MAGIC, _CODEC, _COUNT, _RECORDS = 16, 22, 57, 61
_MAGIC_V2: Final = 2
_original: Final[Any] = memory_records.MemoryRecords


def tolerate_odd_records() -> None:
    """Have every aiokafka consumer of this process read such records; calling it again changes nothing.

    Raises:
        RuntimeError: aiokafka is not built as this was written for; a worker must not start without it.
    """
    current = getattr(fetcher, "MemoryRecords", None)
    if current is TolerantRecords:
        return
    if current is not _original or not hasattr(default_records._DefaultRecordBatchPy, "_read_msg"):
        raise RuntimeError("aiokafka's fetcher has changed: see docs/adr/0008")
    fetcher.MemoryRecords = TolerantRecords


class TolerantRecords:
    """aiokafka's ``MemoryRecords``, whose batches survive records that a broker takes."""

    def __init__(self, data: bytes) -> None:
        self._records = _original(data)
        self._data = memoryview(data)
        self._at = 0

    def size_in_bytes(self) -> int:
        """How many bytes were fetched, a cut batch at the end included."""
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        """Whether another whole batch follows."""
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        """The next batch; None after the last one."""
        batch = self._records.next_batch()
        if batch is None:
            return None
        _, length = _OVERHEAD.unpack_from(self._data, self._at)
        raw = self._data[self._at : self._at + _OVERHEAD.size + length]
        self._at += len(raw)
        return batch if raw[_MAGIC] < _MAGIC_V2 else _TolerantBatch(batch, raw)


class _TolerantBatch:
    """A batch read by aiokafka's fast parser until that meets a record it cannot read, then by the mending one."""

    def __init__(self, batch: Any, raw: memoryview) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        if not _is_plain(self._raw):
            yield from _MendedBatch(self._raw)
            return
        done = 0
        try:
            for record in self._batch:
                yield record
                done += 1
        except UnicodeDecodeError:  # only names are decoded
            yield from islice(_MendedBatch(self._raw), done, None)


def _is_plain(raw: memoryview) -> bool:
    """Whether a batch is not compressed and no record of it says anything in its attributes."""
    if raw[_CODEC] & default_records.DefaultRecordBase.CODEC_MASK:
        return False
    at = _RECORDS
    for _ in range(int.from_bytes(raw[_COUNT : _COUNT + 4], "big")):
        length, at = decode_varint(raw, at)
        if raw[at]:
            return False
        at += length
    return True


class _MendedBatch(default_records._DefaultRecordBatchPy):  # type: ignore[misc]
    """aiokafka's parser in Python, over records that were mended where they had to be."""

    def _read_msg(self) -> Any:
        _mend(self._buffer, self._pos)
        return super()._read_msg()


def _mend(buffer: bytearray, at: int) -> None:
    """Replace attributes and header names that are not UTF-8, in place, in the record that begins at ``at``.

    Every length stays as it is, so that the record stays what it was otherwise (KIP-98, record format 2).
    """
    _, at = decode_varint(buffer, at)  # length
    buffer[at] = 0  # attributes
    at += 1
    for _ in ("timestamp", "offset"):
        _, at = decode_varint(buffer, at)
    for _ in ("key", "value"):
        size, at = decode_varint(buffer, at)
        at += max(size, 0)
    count, at = decode_varint(buffer, at)
    for _ in range(count):
        size, at = decode_varint(buffer, at)
        try:
            buffer[at : at + size].decode()
        except UnicodeDecodeError:
            buffer[at : at + size] = b"?" * size
        size, at = decode_varint(buffer, at + size)
        at += max(size, 0)
