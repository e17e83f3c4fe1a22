"""Key-page snapshots: what goes in comes out, and a damaged file never passes for a whole one."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.pages import Page
from keys.places import DirectoryPlace, digest
from keys.snapshot import Header, KeyCopy, SnapshotEncoder, SnapshotReader
from keys.sweep_copies import version_in
from keys.wrapped import copy_of, page_of
from schemas.errors import DanganError
from schemas.levels import Level

HEADER = Header("dangan-core", "sweep-1", 7, 1_000_000)

copies = st.builds(
    KeyCopy,
    id=st.text(alphabet="0123456789abcdef", min_size=1, max_size=24),
    version=st.integers(1, 2**32 - 1),
    generation=st.integers(0, 2**32 - 1),
    wrapped_key=st.integers(1, 999).map(lambda version: f"vault:v{version}:AAAA"),
    slots=st.sets(st.integers(0, 255)).map(lambda slots: bytes(sorted(slots))),
    rest=st.binary(max_size=200),
)


def file_of(keys: list[KeyCopy]) -> bytes:
    encoder = SnapshotEncoder(HEADER)
    return encoder.start() + b"".join(encoder.add(key) for key in keys) + encoder.end()


@given(st.lists(copies, max_size=5))
def test_what_goes_in_comes_out(keys: list[KeyCopy]) -> None:
    reader = SnapshotReader(io.BytesIO(file_of(keys)))
    assert reader.header == HEADER
    assert list(reader) == keys


@given(st.lists(copies, max_size=3), st.data())
def test_a_file_that_is_cut_altered_or_longer_is_refused(keys: list[KeyCopy], data: st.DataObject) -> None:
    whole = file_of(keys)
    at = data.draw(st.integers(0, len(whole) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    flipped = whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :]
    for damaged in (whole[:at], flipped, whole + b"\0"):
        with pytest.raises(DanganError, match="DG-BAK-005"):
            list(SnapshotReader(io.BytesIO(damaged)))


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fail_otherwise(data: bytes) -> None:
    for source in (data, b"dangan-keys-1\n" + data):
        with pytest.raises(DanganError, match="DG-BAK-005"):
            list(SnapshotReader(io.BytesIO(source)))


def test_a_full_page_costs_some_34_bytes_a_slot() -> None:
    page = Page(
        "0" * 24, Level.CORE, "customers:2031", 12, 3, 2, "vault:v12:" + "A" * 80, bytes(range(256)), b"t" * 8220
    )
    assert page_of(copy_of(page), Level.CORE) == page
    assert len(SnapshotEncoder(HEADER).add(copy_of(page))) / 256 < 34


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    place = DirectoryPlace(tmp_path / "east")
    assert place.files() == []
    sink = place.create("one.keys")
    sink.write(b"half")
    assert place.files() == []
    sink.abandon()
    assert list((tmp_path / "east").iterdir()) == []
    sink = place.create("one.keys")
    sink.write(b"whole")
    sink.commit()
    sink.abandon()
    assert place.files() == ["one.keys"]
    with place.open("one.keys") as source:
        assert source.read() == b"whole"
    assert (tmp_path / "east" / "one.keys").stat().st_mode & 0o077 == 0
    assert len(digest(place, "one.keys")) == 64
    place.remove("one.keys")
    assert place.files() == []


def test_a_files_root_version_is_read_from_its_name() -> None:
    assert version_in("dangan-core.v000012.sweep.3.keys", "dangan-core") == 12
    assert version_in("dangan-core.v000012.sweep.3.keys", "dangan-basic") == 0
    assert version_in("notes.txt", "dangan-core") == 0
