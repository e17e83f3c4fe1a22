"""A data backup of a simulated archive and its restore: what is joined and judged is the real code, the copying is not.

The copy is made as ops/backup.py makes it, collection by collection with calls of others in between: records, then key
pages, the ledger at last. A restore takes the newest key pages by keys/restore.py and ops/key_copies.py, judges each
record, ends unnamed keys by ops/restored_keys.py, and forgets again what only the audit stream knows as destroyed.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from keys.ledger import REPLAYED, Entry, Order
from keys.pages import KINDS, Page, open_table, root_of_kind
from keys.ports import KeyRef
from keys.restore import Fate, fate, newest, stale_ledger
from keys.roots import WRAPPING_ROOTS
from keys.sealed_pages import present
from keys.sweep_state import Sweep
from ops.key_copies import page_copies
from ops.restored_keys import end_unnamed
from schemas.errors import DanganError
from schemas.levels import Level
from tests.simulators.archive import Archive
from tests.simulators.store import MemoryPlace, SimulatedRecord
from tests.simulators.vault import Refused


@dataclass(repr=False)
class DataBackup:
    """What a backup holds; ``whole`` once it is complete. ``deks`` is for the tests only: what its records are under."""

    records: dict[str, SimulatedRecord | None] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    ledger: dict[str, Entry] = field(default_factory=dict)
    frozen: dict[str, set[str]] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    deks: dict[tuple[str, Level], bytes] = field(default_factory=dict)
    whole: bool = False

    def live(self) -> dict[str, Mapping[Level, KeyRef]]:
        return {name: dict(each.keys) for name, each in self.records.items() if each}


async def back_up(archive: Archive, into: DataBackup) -> None:
    """Copy everything, with a scheduling point before each collection."""
    await archive.gate("records")
    into.records, into.deks = copy.deepcopy(archive.records.records), dict(archive.deks)
    await archive.gate("frozen")
    into.frozen = copy.deepcopy(dict(archive.ledger.frozen))
    await archive.gate("pages")
    into.pages = dict(archive.pages.pages)
    await archive.gate("sweeps")
    into.sweeps = dict(archive.sweeps.sweeps)
    await archive.gate("ledger")
    into.ledger, into.begun = dict(archive.ledger.entries), set(archive.ledger.begun)
    into.whole = True


async def restore(archive: Archive, backup: DataBackup, told: Collection[str], *, lost: bool) -> None:
    """Put the restored database in the place of the archive's; nobody else is at work meanwhile.

    Args:
        backup: a whole one.
        told: what the audit stream knows as destroyed.
        lost: the archive's database is lost, so that ``mongorestore`` of the same backup stands for it.
    """
    if lost:
        for root in WRAPPING_ROOTS:  # a rehearsal that nobody knows of any more is taken back by a person (DG-DES-060)
            archive.vault.keys[root].min_decryption = max(archive.vault.keys[root].min_available, 1)
        _replace(archive.pages.pages, backup.pages)
        archive.ledger.entries = dict(backup.ledger)
        archive.ledger.frozen = defaultdict(set, copy.deepcopy(backup.frozen))
        archive.ledger.begun = set(backup.begun)
        archive.sweeps.sweeps = dict(backup.sweeps)
    destroyed = set(archive.ledger.entries)
    assert stale_ledger(destroyed, backup.ledger) is None
    pages, slots = _joined(archive, archive.places)
    named: dict[str, int] = {}
    records: dict[str, SimulatedRecord | None] = dict.fromkeys(destroyed)
    for name, keys in backup.live().items():
        judged = fate(name, keys, ledger=destroyed, slots=slots)
        if judged is Fate.DESTROYED:
            continue
        assert judged is Fate.RESTORED or name in told, f"{name}: {judged}"
        records[name] = stored = copy.deepcopy(backup.records[name])
        now = {level: present(ref, slots) or ref for level, ref in keys.items()}
        if now != keys:  # as ops/restore.py: it was sealed or unsealed since
            assert stored is not None
            stored.keys, stored.sealed = now, any(ref.shut for ref in now.values())
        for ref in now.values():
            for page, slot in ref.places:
                named[page] = named.get(page, 0) | 1 << slot
    _replace(archive.pages.pages, pages)
    archive.records.records = records
    archive.deks.update(backup.deks)
    await end_unnamed(archive.vault, archive.pages, slots, named)
    if again := sorted(set(told) - destroyed):
        await archive.forgetter.forget(again, Order("audit-replay", "dangan-restore", REPLAYED, (), 0), at=archive.now)


def unrestorable(archive: Archive, backup: DataBackup) -> list[str]:
    """Records of the backup that live, and that the loss of the database and of all places but one would take away."""
    found = []
    for place in archive.places:
        working = MemoryPlace(place.name, place.content)  # also one that is not reachable at the moment
        pages, _ = _joined(archive, [working], live=backup.pages)
        for name, keys in backup.live().items():
            stored = archive.records.records.get(name)
            if (
                name in archive.ledger.entries
                or stored is None
                or any(stored.keys.get(v) != r for v, r in keys.items())
            ):
                continue  # destroyed, or another record by now
            found += [
                f"{name}: {level} with {place.name}"
                for level, ref in keys.items()
                if _dek(archive, pages.get(ref.page), ref.slot) != archive.deks[name, level]
            ]
    return found


def _joined(
    archive: Archive, places: list[MemoryPlace], live: Mapping[str, Page] | None = None
) -> tuple[dict[str, Page], dict[str, int]]:
    """The newest copy of each page, and the slots of those that Vault opens."""
    pages: dict[str, Page] = {}
    slots: dict[str, int] = {}
    stored = archive.pages.pages if live is None else live
    with ExitStack() as files:
        for kind in KINDS:
            own = sorted((page for page in stored.values() if page.kind == kind), key=lambda page: page.id)
            for page in newest(own, *page_copies(places, kind, files)):
                pages[page.id] = page
                key = archive.vault.keys[root_of_kind(kind)]
                if page.root_version >= max(key.min_available, key.min_decryption):
                    slots[page.id] = sum(1 << slot for slot in page.slots)
    return pages, slots


def _dek(archive: Archive, page: Page | None, slot: int) -> bytes | None:
    if page is None:
        return None
    # Settings can be turned back; what counts is what Vault still has.
    key = replace(archive.vault.keys[page.root], min_decryption=1)
    try:
        return open_table(page, key.decrypt(page.wrapped_key)).get(slot)
    except (Refused, DanganError, KeyError):
        return None


def _replace(stored: Any, content: Mapping[str, Any]) -> None:
    for name in [each for each in stored if each not in content]:
        del stored[name]
    for name, value in content.items():
        stored[name] = value
