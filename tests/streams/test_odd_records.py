"""What a broker stores must not stop who reads it: header names of any bytes, attributes of any value."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint
from hypothesis import given
from hypothesis import strategies as st

from streams import odd_records
from streams.odd_records import TolerantRecords, tolerate_odd_records
from tests.harness.smuggler import RawName

ROOT = Path(__file__).resolve().parents[2]
_FIRST_RECORD = 61  # bytes of a batch's header (KIP-98)

headers = st.lists(st.tuples(st.binary(max_size=12), st.none() | st.binary(max_size=8)), max_size=4)
records = st.lists(
    st.tuples(st.none() | st.binary(max_size=5), st.binary(max_size=200), headers), min_size=1, max_size=4
)


def batch(rows: list[Any], compression: int = 0) -> bytes:
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 1 << 20)
    for at, (key, value, named) in enumerate(rows):
        builder.append(at, 1_700_000_000_000 + at, key, value, [(RawName(name), raw) for name, raw in named])
    return bytes(builder.build())


def read(kind: Any, data: bytes) -> list[Any]:
    found, every = [], kind(data)
    while every.has_next():
        found += [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in every.next_batch()]
    return found


def _name(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "?" * len(raw)


@given(st.lists(records, min_size=1, max_size=3), st.sampled_from([0, 1]))
def test_whatever_bytes_a_header_name_has_every_record_is_read_as_it_is(
    batches: list[list[Any]], compression: int
) -> None:
    data = b"".join(batch(rows, compression) for rows in batches)
    expected = [
        (at, 1_700_000_000_000 + at, key, value, [(_name(name), raw) for name, raw in named])
        for rows in batches
        for at, (key, value, named) in enumerate(rows)
    ]
    assert read(TolerantRecords, data) == expected


def test_aiokafka_itself_still_cannot() -> None:
    """The reason for all this; when it fails, aiokafka was mended and the patch can go."""
    with pytest.raises(UnicodeDecodeError):
        read(MemoryRecords, batch([(b"k", b"v", [(b"\xff\xfe", b"1")])]))


@given(st.integers(0, 255))
def test_whatever_attributes_a_record_has_it_is_read(attributes: int) -> None:
    data = bytearray(batch([(b"k", b"first", [(b"a", b"1")]), (b"k", b"second", [])]))
    _, at = decode_varint(data, _FIRST_RECORD)
    data[at] = attributes
    found = read(TolerantRecords, bytes(data))
    assert [(key, value) for _, _, key, value, _ in found] == [(b"k", b"first"), (b"k", b"second")]


def test_a_cut_batch_at_the_end_is_left_for_the_next_fetch() -> None:
    whole = batch([(b"k", b"v", [(b"\xff", b"1")])])
    assert len(read(TolerantRecords, whole + whole[:-3])) == 1
    assert TolerantRecords(whole[:-3]).size_in_bytes() == len(whole) - 3


def test_the_fetcher_is_patched_once_and_only_if_it_is_what_we_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    tolerate_odd_records()
    tolerate_odd_records()
    assert fetcher.MemoryRecords is TolerantRecords
    assert "MemoryRecords(" in inspect.getsource(fetcher)
    monkeypatch.setattr(fetcher, "MemoryRecords", object)
    with pytest.raises(RuntimeError, match="0008"):
        tolerate_odd_records()
    monkeypatch.delattr(odd_records.default_records._DefaultRecordBatchPy, "_read_msg")
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    with pytest.raises(RuntimeError, match="0008"):
        tolerate_odd_records()


def test_every_module_that_makes_a_consumer_tolerates_odd_records() -> None:
    """A consumer of ours that reads records must not be without it."""
    makers = [
        path
        for folder in ("streams", "ops", "consumers")
        for path in (ROOT / folder).rglob("*.py")
        if "AIOKafkaConsumer(" in (text := path.read_text("utf-8")) or "faust.App(" in text
    ]
    assert len(makers) >= 3
    asking = [ROOT / "ops" / "ingest_keys.py", ROOT / "ops" / "observe" / "reading.py"]  # for offsets only
    reading = [path for path in makers if path not in asking]
    assert [path.name for path in reading if "tolerate_odd_records()" not in path.read_text("utf-8")] == []
