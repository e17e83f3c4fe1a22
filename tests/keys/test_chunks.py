"""The chunk cipher: a chunk opens at its own place and nowhere else."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.chunks import ChunkCipher
from keys.cipher import OVERHEAD_BYTES, FieldCipher
from schemas.errors import DanganError
from schemas.levels import Level

DEK = bytes(range(32))
#: References hold every separator that the AAD could be confused by, but ``|``.
references = st.text("ab1:._-", min_size=1, max_size=8)
places = st.tuples(references, references, st.sampled_from(Level), st.integers(1, 64), st.integers(1, 64))
chunks = st.lists(st.binary(max_size=40), min_size=1, max_size=6)

pytestmark = pytest.mark.clause("STO-03")


def cipher(
    record: str = "r1", name: str = "scan-1", level: Level = Level.CORE, count: int = 3, dek: bytes = DEK
) -> ChunkCipher:
    return ChunkCipher(dek, record, name, level, count)


@given(places, places, st.binary(max_size=100))
def test_a_chunk_opens_at_its_place_only(made: tuple, tried: tuple, data: bytes) -> None:  # type: ignore[type-arg]
    *place, number = made
    sealed = ChunkCipher(DEK, *place).seal(number, data)
    assert ChunkCipher(DEK, *place).open(number, sealed) == data
    if made != tried:
        *other, at = tried
        with pytest.raises(DanganError, match="DG-KEY-004"):
            ChunkCipher(DEK, *other).open(at, sealed)


@given(st.data())
def test_no_byte_can_be_changed_and_none_left_out(data: st.DataObject) -> None:
    sealed = cipher().seal(1, data.draw(st.binary(max_size=60)))
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = bytearray(sealed)
    changed[at] ^= data.draw(st.integers(1, 255))
    for broken in (bytes(changed), sealed[:at], sealed + b"\0"):
        with pytest.raises(DanganError, match="DG-KEY-004"):
            cipher().open(1, broken)


@given(chunks)
def test_the_whole_has_its_digest(parts: list[bytes]) -> None:
    one = cipher(count=len(parts))
    sealed = [one.seal(number, part) for number, part in enumerate(parts, start=1)]
    assert one.digest_of(sealed) == hashlib.sha256(b"".join(parts)).hexdigest()


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=2, max_size=5), st.data())
def test_chunks_cannot_be_reordered_dropped_doubled_or_cut_off(parts: list[bytes], data: st.DataObject) -> None:
    one = cipher(count=len(parts))
    sealed = [one.seal(number, part) for number, part in enumerate(parts, start=1)]
    orders = [list(order) for order in itertools.permutations(sealed) if list(order) != sealed]
    at = data.draw(st.integers(0, len(sealed) - 1))
    dropped = sealed[:at] + sealed[at + 1 :]
    doubled = [*sealed[:at], sealed[at], *sealed[at:]]
    for arrangement in (*orders[:10], dropped, doubled, sealed[:at], []):
        with pytest.raises(DanganError, match="DG-KEY-004"):
            one.digest_of(arrangement)
        # ... nor passed off as an attachment of as many chunks as are left
        with pytest.raises(DanganError, match="DG-KEY-004"):
            cipher(count=max(1, len(arrangement))).digest_of(arrangement)


def test_a_chunk_of_an_earlier_upload_does_not_make_a_whole_of_two() -> None:
    """Two uploads under one reference have the same places: the digest tells them apart."""
    first, second = cipher(count=2), cipher(count=2)
    mixed = [first.seal(1, b"old"), second.seal(2, b"new")]
    assert first.digest_of(mixed) != hashlib.sha256(b"newnew").hexdigest()


@given(st.binary(max_size=40))
def test_chunks_and_fields_under_one_key_are_never_taken_for_each_other(data: bytes) -> None:
    field = FieldCipher(DEK, "r1", Level.CORE)
    with pytest.raises(DanganError, match="DG-KEY-004"):
        field.open("scan-1", 1, cipher().seal(1, data))
    with pytest.raises(DanganError, match="DG-KEY-004"):
        cipher().open(1, field.seal("scan-1", 1, data))


def test_the_digest_is_encrypted_and_is_no_chunk() -> None:
    digest = hashlib.sha256(b"a scan").hexdigest()
    sealed = cipher().seal_digest(digest)
    assert bytes.fromhex(digest) not in sealed
    assert sealed != cipher().seal_digest(digest)  # and so no fingerprint either
    assert cipher().open_digest(sealed) == digest
    with pytest.raises(DanganError, match="DG-KEY-004"):
        cipher().open(1, sealed)
    with pytest.raises(DanganError, match="DG-KEY-004"):
        cipher(record="r2").open_digest(sealed)


def test_another_key_opens_nothing() -> None:
    sealed = cipher().seal(1, b"x" * 100)
    assert len(sealed) == 100 + OVERHEAD_BYTES
    with pytest.raises(DanganError, match="DG-KEY-004"):
        cipher(dek=bytes(32)).open(1, sealed)
