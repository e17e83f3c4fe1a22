"""Where ledger and holdings disagree (帐实不符; clauses AUD-03, AUD-05): pure, of one record at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keys.ports import KeyRef
from schemas.rulebook import Arrange
from store.holdings import Holding
from store.inspections import Finding

#: Ledger states in which nothing of the record may be left.
_GONE = ("forgotten", "certified")


def differences(held: Holding, slots: Mapping[str, bytes], rules: Arrange, *, until_ms: int) -> Iterator[Finding]:
    """What is wrong with one record.

    Args:
        held: what every part of the store says of it.
        slots: the slots of the key pages that it names; a page that there is not is missing here.
        rules: whether archives need codes and papers.
        until_ms: what came or went later is left to the next inventory, UNIX milliseconds.
    """
    if held.state == "live":
        yield from _live(held, slots, rules, until_ms)
        return
    if held.entered is not None:
        yield Finding("index-without-record", held.record)
    if held.state == "destroyed":
        if not held.order:
            yield Finding("tombstone-without-order", held.record)
        if held.booked.went is None and held.at_ms <= until_ms:
            yield Finding("destruction-not-booked", held.record)
        return
    if held.order in _GONE:
        yield Finding("order-without-tombstone", held.record, held.order)
    if held.code is not None:
        yield Finding("code-without-record", held.record, held.code)
    if held.booked.came is not None and held.booked.came <= until_ms:
        yield Finding("booked-not-held", held.record)


def _live(held: Holding, slots: Mapping[str, bytes], rules: Arrange, until_ms: int) -> Iterator[Finding]:
    if held.order in _GONE:
        yield Finding("destroyed-but-live", held.record, held.order)
    for level, ref in sorted((held.keys or {}).items()):
        if wrong := _slot(ref, slots):
            yield Finding(wrong, held.record, level.value)
    if held.at_ms > until_ms:
        return
    if held.booked.came is None:
        yield Finding("held-not-booked", held.record)
    if held.booked.went is not None:
        yield Finding("booked-out-but-held", held.record)
    if held.stage != "archived":
        return
    if held.entered is None:
        yield Finding("record-without-index", held.record)
    elif held.entered != held.version:
        yield Finding("index-outdated", held.record, f"version {held.entered}, not {held.version}")
    if held.code is None and rules.codes_required:
        yield Finding("record-without-code", held.record)
    elif held.entered is not None and held.code != held.index_code:
        yield Finding("code-differs", held.record, f"{held.index_code or 'none'}, not {held.code or 'none'}")
    if held.entered is not None and held.paper is None and rules.paper_required:
        yield Finding("paper-not-stated", held.record)


def _slot(ref: KeyRef, slots: Mapping[str, bytes]) -> str:
    if ref.page not in slots:
        return "key-page-missing"
    return "" if ref.slot in slots[ref.page] else "key-slot-missing"


def was_held(held: Holding, until_ms: int) -> bool:
    """Whether the record was in the archive at that time, by the store alone: what is counted as holdings (实物)."""
    if held.state == "live":
        return held.at_ms <= until_ms
    return held.state == "destroyed" and held.at_ms > until_ms and (held.booked.came or until_ms + 1) <= until_ms
