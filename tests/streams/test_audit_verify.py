"""For any records and any single alteration, verify finds it and names the place; without one, it says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.trust import Trust
from streams.audit.chain import Chain, read_link
from streams.audit.checkpoint import VALUE_PREFIX, from_value, sign_checkpoint, to_value
from streams.audit.findings import Kind, Report
from tests.streams.audit_records import NOW, Archive, Written, some_facts, verified, write

ARCHIVE = Archive()
WRITERS = [ARCHIVE.writer(f"worker-{at}") for at in range(3)]
SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def written(sizes: list[int], writer: int = 0) -> Written:
    batches, first = [], 0
    for size in sizes:
        batches.append(some_facts(size, first))
        first += size
    return write(WRITERS[writer], batches)


def events_of(values: list[bytes]) -> list[int]:
    return [at for at, value in enumerate(values) if not value.startswith(VALUE_PREFIX)]


def places(report: Report) -> set[int]:
    """The event numbers that some finding names."""
    return {seq for found in report.findings for seq in range(found.first, found.last + 1)}


def seq_of(value: bytes) -> int:
    link = read_link(value)
    assert link is not None
    return link.seq


@given(SIZES)
@settings(max_examples=40)
def test_untouched_records_verify_up_to_the_last_event(sizes: list[int]) -> None:
    own = written(sizes)
    report = verified(ARCHIVE.trust, own.values, [own.checkpoints[max(own.checkpoints)]])
    assert report.findings == []
    assert report.events == sum(sizes) + 1
    assert report.checkpoints == len(sizes)
    assert [summary.covered for summary in report.writers] == [sum(sizes) + 1]


@pytest.mark.slow
@given(st.lists(SIZES, min_size=3, max_size=3), st.data())
@settings(max_examples=40)
def test_writers_interleaved_in_any_way_verify(sizes: list[list[int]], data: st.DataObject) -> None:
    queues = [written(own, at).values for at, own in enumerate(sizes)]
    mixed: list[bytes] = []
    while any(queues):
        queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
        mixed.append(queue.pop(0))
    assert verified(ARCHIVE.trust, mixed).findings == []


@given(SIZES, st.data())
@settings(max_examples=40)
def test_batches_that_were_written_again_are_no_finding(sizes: list[int], data: st.DataObject) -> None:
    values = written(sizes).values
    ends = [at + 1 for at, value in enumerate(values) if value.startswith(VALUE_PREFIX)]
    repeated: list[bytes] = []
    copies = 0
    for start, end in zip([0, *ends], ends, strict=False):
        times = data.draw(st.integers(1, 3))
        repeated += values[start:end] * times
        copies += (times - 1) * (end - start)
    report = verified(ARCHIVE.trust, repeated)
    assert report.findings == []
    assert report.duplicates == copies


@given(SIZES, st.data())
@settings(max_examples=100)
def test_a_changed_byte_in_an_event_is_found_at_that_event(sizes: list[int], data: st.DataObject) -> None:
    values = written(sizes).values
    at = data.draw(st.sampled_from(events_of(values)))
    seq = seq_of(values[at])
    changed = bytearray(values[at])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    values[at] = bytes(changed)
    report = verified(ARCHIVE.trust, values)
    assert seq in places(report)
    assert any(found.place and found.place.number == at for found in report.findings)


@given(SIZES, st.data())
@settings(max_examples=60)
def test_a_changed_content_gives_exactly_one_finding(sizes: list[int], data: st.DataObject) -> None:
    values = written(sizes).values
    at = data.draw(st.sampled_from([at for at in events_of(values) if seq_of(values[at]) > 0]))
    values[at] = values[at].replace(b"reader-1", b"reader-2")
    (found,) = verified(ARCHIVE.trust, values).findings
    assert (found.kind, found.first, found.last) == (Kind.ALTERED, seq_of(values[at]), seq_of(values[at]))
    assert found.place is not None
    assert found.place.number == at


@given(SIZES, st.data())
@settings(max_examples=40)
def test_a_dropped_event_is_found(sizes: list[int], data: st.DataObject) -> None:
    values = written(sizes).values
    at = data.draw(st.sampled_from(events_of(values)))
    seq = seq_of(values.pop(at))
    report = verified(ARCHIVE.trust, values)
    found = report.findings[0] if seq else next(f for f in report.findings if f.kind != Kind.UNKNOWN)
    assert (found.first, found.last) == (seq, seq)
    assert found.kind in {Kind.DROPPED, Kind.TRUNCATED}
    if seq:  # without the first event the key is unknown, which is a finding of its own
        assert len(report.findings) == 1


@given(SIZES, st.data())
@settings(max_examples=40)
def test_a_dropped_range_is_found_as_a_range(sizes: list[int], data: st.DataObject) -> None:
    own = written(sizes)
    values = own.values
    first = data.draw(st.integers(0, len(values) - 2))
    last = data.draw(st.integers(first, len(values) - 2))
    gone = [seq_of(value) for value in values[first : last + 1] if not value.startswith(VALUE_PREFIX)]
    del values[first : last + 1]
    report = verified(ARCHIVE.trust, values, [own.checkpoints[max(own.checkpoints)]])
    assert set(gone) <= places(report)


@given(SIZES, st.data())
@settings(max_examples=60)
def test_two_values_that_changed_places_are_found(sizes: list[int], data: st.DataObject) -> None:
    values = written(sizes).values
    first = data.draw(st.integers(0, len(values) - 2))
    second = data.draw(st.integers(first + 1, len(values) - 1))
    values[first], values[second] = values[second], values[first]
    report = verified(ARCHIVE.trust, values)
    assert Kind.REORDERED in {found.kind for found in report.findings}
    moved = {first, second, *range(first, second + 1)}
    assert any(found.place is not None and found.place.number in moved for found in report.findings)


@given(SIZES, st.data())
@settings(max_examples=40)
def test_a_tail_cut_off_is_found_with_a_kept_checkpoint(sizes: list[int], data: st.DataObject) -> None:
    own = written(sizes)
    kept = own.checkpoints[max(own.checkpoints)]
    values = own.values[: data.draw(st.integers(0, len(own.values) - 2))]
    report = verified(ARCHIVE.trust, values, [kept])
    left = len(events_of(values))
    if left < kept.size:
        assert set(range(left, kept.size)) <= places(report)
        assert Kind.TRUNCATED in {found.kind for found in report.findings}


@given(SIZES, st.data())
@settings(max_examples=40)
def test_a_tail_cut_off_inside_a_batch_is_found_without_one(sizes: list[int], data: st.DataObject) -> None:
    own = written(sizes)
    values = own.values[: data.draw(st.integers(1, len(own.values) - 1))]
    if not values[-1].startswith(VALUE_PREFIX):
        (found,) = verified(ARCHIVE.trust, values).findings
        assert (found.kind, found.last) == (Kind.TRUNCATED, seq_of(values[-1]))


@given(SIZES, st.data())
@settings(max_examples=40)
def test_another_event_under_a_number_that_is_taken_is_found(sizes: list[int], data: st.DataObject) -> None:
    values = written(sizes).values
    at = data.draw(st.sampled_from([at for at in events_of(values) if seq_of(values[at]) > 0]))
    later = data.draw(st.integers(at + 1, len(values)))
    values.insert(later, values[at].replace(b"reader-1", b"reader-2"))
    report = verified(ARCHIVE.trust, values)
    assert [(found.kind, found.first) for found in report.findings] == [(Kind.DUPLICATE, seq_of(values[at]))]
    assert report.findings[0].place is not None
    assert report.findings[0].place.number == later


@given(SIZES, SIZES, st.data())
@settings(max_examples=40)
def test_an_event_spliced_in_from_another_chain_is_found(
    sizes: list[int], others: list[int], data: st.DataObject
) -> None:
    values, foreign = written(sizes).values, written(others, 1).values
    at = data.draw(st.sampled_from(events_of(values)))
    other = foreign[data.draw(st.sampled_from(events_of(foreign)))]
    report = verified(ARCHIVE.trust, [*values[:at], other, *values[at + 1 :]])
    assert seq_of(values[at]) in places(report)
    renamed = other.replace(WRITERS[1].id.encode(), WRITERS[0].id.encode())
    report = verified(ARCHIVE.trust, [*values[:at], renamed, *values[at + 1 :]])
    assert report.findings


@given(SIZES, st.data())
@settings(max_examples=40)
def test_a_changed_checkpoint_is_found(sizes: list[int], data: st.DataObject) -> None:
    values = written(sizes).values
    at = data.draw(st.sampled_from(sorted(set(range(len(values))) - set(events_of(values)))))
    changed = bytearray(values[at])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    values[at] = bytes(changed)
    report = verified(ARCHIVE.trust, values)
    assert any(found.place and found.place.number == at for found in report.findings)


@given(SIZES)
@settings(max_examples=40)
def test_a_history_chained_anew_by_somebody_else_is_found(sizes: list[int]) -> None:
    # the forger rewrites everything, hashes included, but has no certified key
    own, forger = written(sizes), Archive().writer()
    chain = Chain(own.writer.id)
    values = []
    for value in own.values:
        if value.startswith(VALUE_PREFIX):
            note = sign_checkpoint(forger, chain.size, chain.root(), chain.head)
            values.append(to_value(note).replace(forger.id.encode(), own.writer.id.encode()))
        else:
            event = value[: value.rindex(b',"chain":')] + b"}}}"
            values.append(chain.add(event.replace(b"reader-1", b"reader-2"), NOW * 1000))
    report = verified(ARCHIVE.trust, values)
    assert Kind.FORGED in {found.kind for found in report.findings}
    assert [summary.covered for summary in report.writers] == [0]


def test_a_writer_that_nobody_vouches_for_is_found() -> None:
    report = verified(Archive().trust, written([3]).values)
    assert Kind.UNKNOWN in {found.kind for found in report.findings}
    assert Kind.UNKNOWN in {found.kind for found in verified(Trust(), written([3]).values).findings}


def test_a_chain_that_is_gone_as_a_whole_is_found_by_its_kept_checkpoint() -> None:
    gone, left = written([2, 2]), written([3], 1)
    report = verified(ARCHIVE.trust, left.values, [gone.checkpoints[5]])
    (found,) = report.findings
    assert (found.kind, found.writer, found.first, found.last) == (Kind.TRUNCATED, gone.writer.id, 0, 4)


def test_an_older_kept_checkpoint_is_compared_when_its_size_is_reached() -> None:
    own = written([2, 2, 2])
    assert verified(ARCHIVE.trust, own.values, [own.checkpoints[5]]).findings == []
    chain = Chain(own.writer.id)
    other = sign_checkpoint(own.writer, 5, chain.root(), b"x" * 32)
    assert verified(ARCHIVE.trust, own.values, [other]).findings != []


def test_a_value_of_another_kind_is_foreign() -> None:
    values = written([3]).values
    (found,) = verified(ARCHIVE.trust, [*values[:2], b'{"hello":1}', *values[2:]]).findings
    assert (found.kind, found.place and found.place.number) == (Kind.FOREIGN, 2)


def test_a_lost_checkpoint_inside_the_chain_loses_nothing() -> None:
    values = written([2, 2]).values
    at = next(at for at, value in enumerate(values) if from_value(value))
    assert verified(ARCHIVE.trust, values[:at] + values[at + 1 :]).findings == []


@given(st.lists(st.binary(max_size=300), max_size=20))
@settings(max_examples=40)
def test_no_input_makes_the_verifier_fail(values: list[bytes]) -> None:
    verified(ARCHIVE.trust, values)


@given(SIZES, st.data())
@settings(max_examples=60)
def test_any_mixture_of_alterations_is_found(sizes: list[int], data: st.DataObject) -> None:
    own = written(sizes)
    values = list(own.values)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(values) - 1))
        match data.draw(st.sampled_from(["drop", "flip", "swap", "copy"])):
            case "drop" if len(values) > 1:
                values.pop(at)
            case "flip":
                values[at] = values[at][:-5] + bytes([values[at][-5] ^ 1]) + values[at][-4:]
            case "swap":
                values[at], values[0] = values[0], values[at]
            case "copy":
                values.insert(data.draw(st.integers(0, len(values))), values[at])
    report = verified(ARCHIVE.trust, values, [own.checkpoints[max(own.checkpoints)]])
    intact = [value for value in own.values if not value.startswith(VALUE_PREFIX)]
    seen = list(dict.fromkeys(value for value in values if not value.startswith(VALUE_PREFIX)))
    if seen != intact:
        assert report.findings


def test_a_root_that_is_not_that_of_the_events_is_found_although_its_writer_signed_it() -> None:
    own = written([3])
    good = own.checkpoints[4]
    own.values[-1] = to_value(sign_checkpoint(own.writer, 4, b"r" * 32, good.head))
    (found,) = verified(ARCHIVE.trust, own.values).findings
    assert (found.kind, found.place and found.place.number) == (Kind.FORGED, 4)


def test_a_chain_under_another_writer_s_certificate_is_found() -> None:
    thief = replace(Archive().writer(), cert=WRITERS[1].cert)
    report = verified(ARCHIVE.trust, write(thief, [some_facts(2)]).values)
    assert (report.findings[0].kind, report.findings[0].detail) == (
        Kind.UNKNOWN,
        "its certificate is for another writer",
    )


@given(SIZES, st.data())
@settings(max_examples=40)
def test_an_event_that_cannot_be_read_any_more_is_one_finding(sizes: list[int], data: st.DataObject) -> None:
    values = written(sizes).values
    at = data.draw(st.sampled_from([at for at in events_of(values) if seq_of(values[at]) > 0]))
    seq = seq_of(values[at])
    values[at] = data.draw(st.sampled_from([b"", values[at][:-1], b"gone", values[at].replace(b"prev", b"next")]))
    (found,) = verified(ARCHIVE.trust, values).findings
    assert (found.kind, found.first, found.place and found.place.number) == (Kind.ALTERED, seq, at)


def test_an_event_must_end_where_the_chain_goes_on() -> None:
    with pytest.raises(ValueError, match="must end"):
        Chain("w").add(b'{"a":1}', NOW)
