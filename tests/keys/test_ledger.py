"""The ledger's rules: which sweeps may count for which record, and when a certificate may be written."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from keys.ledger import Entry, State, Traces, complete, freezable
from keys.roots import INGEST_ROOT, root_of
from schemas.levels import Level
from tests.simulators.orders import approved

ROOTS = (*(root_of(level) for level in Level), INGEST_ROOT)
KIDS = ("kid-1", "kid-2", "kid-3")
SOME_ROOTS = st.frozensets(st.sampled_from(ROOTS))
SOME_KIDS = st.frozensets(st.sampled_from(KIDS))

entries = st.builds(
    Entry,
    record=st.just("rec-1"),
    order=st.just(approved("rec-1")),
    state=st.sampled_from(State),
    traces=st.builds(
        Traces, roots=SOME_ROOTS.map(lambda r: r - {INGEST_ROOT}), old_keys=st.just(()), ingest_kids=SOME_KIDS
    ),
    swept=SOME_ROOTS.map(lambda roots: dict.fromkeys(roots, "sweep")),
)


@given(entries, st.sampled_from(ROOTS), SOME_KIDS)
def test_only_what_is_forgotten_and_not_swept_yet_is_frozen(entry: Entry, root: str, destroyed: frozenset[str]) -> None:
    if freezable(entry.standing, root, destroyed):
        assert entry.state is State.FORGOTTEN
        assert root in entry.needed
        assert root not in entry.swept


@given(entries, SOME_KIDS)
def test_the_ingest_sweep_counts_only_when_every_kid_is_destroyed(entry: Entry, destroyed: frozenset[str]) -> None:
    if freezable(entry.standing, INGEST_ROOT, destroyed):
        assert entry.traces.ingest_kids <= destroyed


@given(entries, st.lists(st.tuples(st.sampled_from(ROOTS), SOME_KIDS), max_size=8))
def test_complete_means_that_every_needed_root_was_swept_after_the_forgetting(
    entry: Entry, sweeps: list[tuple[str, frozenset[str]]]
) -> None:
    entry = replace(entry, state=State.FORGOTTEN, swept={})
    destroyed: set[str] = set()
    done = set()
    for root, newly in sweeps:
        destroyed |= newly
        if freezable(entry.standing, root, destroyed):
            entry = replace(entry, swept={**entry.swept, root: "sweep"})
            done.add(root)
    assert complete(entry) == (entry.needed <= done)
    if complete(entry):
        assert entry.traces.ingest_kids <= destroyed


@given(entries)
def test_a_record_always_needs_the_ingest_root(entry: Entry) -> None:
    assert INGEST_ROOT in entry.needed
    assert entry.traces.roots <= entry.needed
