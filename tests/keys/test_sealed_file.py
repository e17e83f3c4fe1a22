"""Sealed files: what was written is read, and nothing else can be read in its place."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.sealed_file import SealedReader, Sealer
from schemas.errors import DanganError

KEY = b"k" * 32
HEADER = b'{"id":1}'


def sealed(chunks: list[bytes], last: bytes = b"end", key: bytes = KEY, header: bytes = HEADER) -> bytes:
    sealer = Sealer(key, header)
    return b"".join((sealer.start(), *map(sealer.chunk, chunks), sealer.end(last)))


def opened(data: bytes, key: bytes = KEY) -> list[bytes]:
    return [chunk for chunk, _ in SealedReader(io.BytesIO(data)).chunks(key)]


@pytest.mark.clause("STO-06")
@given(st.lists(st.binary(max_size=50), max_size=6), st.binary(max_size=50))
def test_what_was_sealed_is_read_in_order(chunks: list[bytes], last: bytes) -> None:
    data = sealed(chunks, last)
    assert opened(data) == [*chunks, last]
    assert SealedReader(io.BytesIO(data)).header == HEADER


@pytest.mark.clause("STO-06")
@given(st.lists(st.binary(min_size=8, max_size=30), min_size=1, max_size=5))
def test_no_chunk_is_in_the_file_in_clear(chunks: list[bytes]) -> None:
    body = sealed(chunks).partition(HEADER)[2]
    assert not any(chunk in body for chunk in chunks)


def test_no_single_bit_of_a_file_can_be_changed() -> None:
    whole = sealed([b"one" * 5, b""])
    for at in range(len(whole) * 8):
        altered = bytearray(whole)
        altered[at // 8] ^= 1 << at % 8
        with pytest.raises(DanganError, match="DG-BAK-030"):
            opened(bytes(altered))


@given(data=st.data())
def test_no_change_of_a_file_ever_opens(data: st.DataObject) -> None:
    whole = sealed([b"one" * 5, b"two" * 5, b""])
    kind = data.draw(st.sampled_from(("flip", "cut", "add", "drop")))
    at = data.draw(st.integers(0, len(whole) - 1))
    if kind == "flip":
        altered = bytes(byte ^ (1 << data.draw(st.integers(0, 7))) if i == at else byte for i, byte in enumerate(whole))
    elif kind == "cut":
        altered = whole[:at]
    elif kind == "add":
        altered = whole + data.draw(st.binary(min_size=1, max_size=40))
    else:
        altered = whole[:at] + whole[at + data.draw(st.integers(1, 40)) :]
    with pytest.raises(DanganError, match="DG-BAK-030"):
        opened(altered)


def pieces(data: bytes) -> list[bytes]:
    """The sealed chunks, each with its length."""
    at = data.index(HEADER) + len(HEADER) + 1
    found = [data[:at]]
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big") & ~(1 << 31)
        found.append(data[at : at + 4 + length])
        at += 4 + length
    return found


@given(st.permutations(range(4)))
def test_chunks_open_only_at_their_places(order: list[int]) -> None:
    head, *chunks = pieces(sealed([b"a", b"b", b"c"], b"d"))
    again = head + b"".join(chunks[at] for at in order)
    if order == list(range(4)):
        assert opened(again) == [b"a", b"b", b"c", b"d"]
    else:
        with pytest.raises(DanganError, match="DG-BAK-030"):
            opened(again)


def test_a_chunk_that_was_not_the_last_does_not_end_a_file() -> None:
    head, first, _ = pieces(sealed([b"a"]))
    marked = bytes((first[0] | 0x80,)) + first[1:]
    with pytest.raises(DanganError, match="DG-BAK-030"):
        opened(head + marked)


def test_neither_another_key_nor_another_files_header_opens_it() -> None:
    data = sealed([b"a"])
    with pytest.raises(DanganError, match="DG-BAK-030"):
        opened(data, os.urandom(32))
    with pytest.raises(DanganError, match="DG-BAK-030"):
        opened(data.replace(HEADER, b'{"id":2}'))
    with pytest.raises(DanganError, match="DG-BAK-030"):
        opened(b"dangan-keys-1\n{}\n")
