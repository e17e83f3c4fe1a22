"""An export is a file: whatever is done to its bytes, verify finds it and names the line or the event."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.audit_files import feed_file
from streams.audit.chain import read_link
from streams.audit.checkpoint import VALUE_PREFIX
from streams.audit.findings import Report
from streams.audit.verify import Verifier
from tests.streams.audit_records import Archive, some_facts, write

ARCHIVE = Archive()
OWN = write(ARCHIVE.writer(), [some_facts(4), some_facts(1, 10), some_facts(6, 20)])
OTHER = write(ARCHIVE.writer("worker-2"), [some_facts(4, 50), some_facts(3, 60)])
LINES = [value + b"\n" for value in OWN.values]
DATA = b"".join(LINES)
KEPT = [OWN.checkpoints[max(OWN.checkpoints)]]
EVENTS = [at for at, line in enumerate(LINES) if not line.startswith(VALUE_PREFIX)]


def report_on(data: bytes) -> Report:
    verifier = Verifier(ARCHIVE.trust, KEPT)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export"
        path.write_bytes(data)
        feed_file(verifier, path, lambda _: None)
    return verifier.finish()


def line_of(offset: int) -> int:
    """The line, from 1, that holds the byte at the offset."""
    return DATA.count(b"\n", 0, offset) + 1


def seq_of(line: bytes) -> int:
    link = read_link(line.removesuffix(b"\n"))
    assert link is not None
    return link.seq


def lines_named(report: Report) -> set[int]:
    return {found.place.number for found in report.findings if found.place is not None}


def events_named(report: Report) -> set[int]:
    return {seq for found in report.findings for seq in range(found.first, found.last + 1)}


def test_untouched_it_verifies() -> None:
    assert report_on(DATA).findings == []
    assert report_on(DATA.removesuffix(b"\n")).findings == []


@pytest.mark.clause("AUD-02")
@given(st.integers(0, len(DATA) - 2), st.integers(1, 255))
@settings(max_examples=150, deadline=None)
def test_any_byte_changed_is_found_at_its_line(offset: int, change: int) -> None:
    changed = bytearray(DATA)
    changed[offset] ^= change
    report = report_on(bytes(changed))
    at = line_of(offset)
    # a line break that is gone joins two lines, one that is new parts them
    assert lines_named(report) & {at, at + 1}, report.findings


@given(st.sampled_from(EVENTS))
@settings(deadline=None)
def test_any_event_dropped_is_named(at: int) -> None:
    report = report_on(b"".join(LINES[:at] + LINES[at + 1 :]))
    assert seq_of(LINES[at]) in events_named(report)


@given(st.integers(0, len(DATA) - 2))
@settings(max_examples=80, deadline=None)
def test_cut_off_anywhere_the_end_is_missed(end: int) -> None:
    report = report_on(DATA[:end])
    whole = DATA[:end].count(b"\n")
    lost = {seq_of(LINES[at]) for at in EVENTS if at > whole}
    assert report.findings
    assert lost <= events_named(report)


@given(st.sampled_from(EVENTS), st.sampled_from(EVENTS))
@settings(max_examples=80, deadline=None)
def test_two_events_exchanged_are_found(first: int, second: int) -> None:
    lines = list(LINES)
    lines[first], lines[second] = lines[second], lines[first]
    report = report_on(b"".join(lines))
    assert bool(report.findings) is (first != second)
    if first != second:
        low, high = sorted((first, second))
        assert lines_named(report) & set(range(low + 1, high + 3))


@given(st.integers(0, len(LINES) - 1), st.integers(0, len(OTHER.values) - 1), st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_line_spliced_in_from_another_chain_is_found(at: int, other: int, replace: bool) -> None:
    report = report_on(b"".join([*LINES[:at], OTHER.values[other] + b"\n", *LINES[at + replace :]]))
    assert report.findings
    if replace and at in EVENTS:
        assert seq_of(LINES[at]) in events_named(report)
    else:
        assert OTHER.writer.id in {found.writer for found in report.findings}


@given(st.integers(0, len(DATA) - 2), st.binary(min_size=1, max_size=40))
@settings(max_examples=80, deadline=None)
def test_bytes_put_in_anywhere_are_found(offset: int, more: bytes) -> None:
    report = report_on(DATA[:offset] + more + DATA[offset:])
    at = line_of(offset)
    assert lines_named(report) & set(range(at, at + more.count(b"\n") + 2)), report.findings
