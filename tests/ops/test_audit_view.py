"""What a person sees of the audit stream, and what a file of it is worth."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.audit_files import feed_file, notes_of, read_kept, write_export, write_kept
from ops.commands.audit_view import Wanted, line_of, read_event, since_ms
from schemas.audit import Fact, KeptCheckpoint, event_id, ocsf
from schemas.errors import DanganError
from streams.audit.checkpoint import to_value
from streams.audit.reader import Entry
from streams.audit.verify import Verifier
from tests.streams.audit_records import Archive, some_facts, write

REFUSED = Fact(
    "cmd-1", "access", False, "DG-ACC-001", "clerk-7", 1_795_000_000_000,
    record="rec-1", fields=("name", "mobile"), purpose="billing", grant="grant-9",
)  # fmt: skip


def value_of(fact: Fact) -> bytes:
    return ocsf(fact, event_id(fact))


def test_a_line_tells_who_what_why_and_the_outcome() -> None:
    event = read_event(value_of(REFUSED))
    assert event is not None
    line = line_of(event).plain
    for word in ("REFUSED", "access", "clerk-7", "rec-1", "name, mobile", "billing", "grant-9", "DG-ACC-001"):
        assert word in line


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        (Wanted(), True),
        (Wanted(actor="clerk-7", record="rec-1", action="access", allowed=False), True),
        (Wanted(actor="clerk-8"), False),
        (Wanted(record="rec-2"), False),
        (Wanted(action="destroy"), False),
        (Wanted(allowed=True), False),
    ],
)
def test_only_what_is_wanted_is_shown(wanted: Wanted, *, seen: bool) -> None:
    event = read_event(value_of(REFUSED))
    assert event is not None
    assert wanted(event) is seen


@given(st.binary(max_size=300))
def test_no_bytes_on_the_topic_make_the_view_fail(value: bytes) -> None:
    read_event(value)


@given(st.text(max_size=40))
def test_nothing_on_the_topic_steers_the_terminal(name: str) -> None:
    event = read_event(value_of(Fact("c", "access", True, None, name or "x", 1, record=f"\x1b[2J{name}")))
    assert event is not None
    assert all(char.isprintable() for char in line_of(event).plain)


NOW = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("start", None),
        ("10m", NOW - 600),
        ("2h", NOW - 7200),
        ("3d", NOW - 259200),
        ("2026-01-31T11:00:00+00:00", NOW - 3600),
    ],
)
def test_since_is_a_span_a_time_or_the_start(text: str, at: float | None) -> None:
    assert since_ms(text, NOW) == (None if at is None else int(at * 1000))


@pytest.mark.parametrize("text", ["", "yesterday", "10 minutes", "-5m", "999999999d"])
def test_since_is_nothing_else(text: str) -> None:
    with pytest.raises(DanganError, match="DG-AUD-006"):
        since_ms(text, NOW)


async def batches(values: list[bytes]) -> AsyncIterator[list[Entry]]:
    for number, value in enumerate(values):
        yield [Entry(0, number, value, 0)]


async def test_an_export_verifies_line_by_line(tmp_path: Path) -> None:
    archive = Archive()
    own = write(await archive.new_writer(), [some_facts(3), some_facts(2, 9)])
    out = tmp_path / "audit.ndjson"
    advanced: list[int] = []
    assert await write_export(batches(own.values), out, advanced.append) == len(own.values)
    assert sum(advanced) == len(own.values)
    verifier = Verifier(archive.trust, [own.checkpoints[6]])
    advanced.clear()
    feed_file(verifier, out, advanced.append)
    assert sum(advanced) == out.stat().st_size
    assert verifier.finish().findings == []
    assert out.stat().st_mode & 0o077 == 0
    assert os.listdir(tmp_path) == [out.name]


async def test_an_export_never_replaces_a_file(tmp_path: Path) -> None:
    out = tmp_path / "audit.ndjson"
    out.write_bytes(b"older")
    with pytest.raises(DanganError, match="DG-AUD-005"):
        await write_export(batches([b"x"]), out, lambda _: None)
    assert out.read_bytes() == b"older"
    assert os.listdir(tmp_path) == [out.name]


async def test_kept_checkpoints_are_read_as_they_were_written(tmp_path: Path) -> None:
    own = write(await Archive().new_writer(), [some_facts(2), some_facts(2, 9)])
    kept = list(own.checkpoints.values())
    write_kept(kept, tmp_path / "kept")
    assert read_kept(tmp_path / "kept") == kept
    (tmp_path / "note").write_text(kept[0].text, "utf-8")
    assert read_kept(tmp_path / "note") == kept[:1]
    (tmp_path / "export").write_bytes(b"\n".join(own.values))
    assert read_kept(tmp_path / "export") == kept
    assert to_value(kept[0]) in own.values


def test_a_file_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"hello\n")
    for name in ("other", "absent"):
        with pytest.raises(DanganError, match="DG-AUD-005"):
            read_kept(tmp_path / name)


def test_a_kept_checkpoint_that_was_tampered_with_in_the_database_is_told() -> None:
    with pytest.raises(DanganError, match="DG-AUD-003"):
        notes_of([KeptCheckpoint("worker-1", 3, "nonsense", "")])
