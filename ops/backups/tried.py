"""The drill's attempt on destroyed records: with the keys that the backup itself holds, and with the restored ones.

Old copies of a key open until the sweep of the root that wraps it. So the two are kept apart: records whose roots were
all swept since must be refused, and of those that wait for their sweep it is only said how many there are.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import bson
from bson.raw_bson import RawBSONDocument

from keys.ledger import Entry, State
from keys.pages import Page, open_table
from keys.ports import KeyRef
from keys.ring import KeyRing
from keys.roots import SEALED_ROOT
from keys.vault import KeyRefused, Transit
from ops.backup import Manifest, collection_file
from schemas.errors import DanganError
from schemas.levels import Level
from store.database import Database
from store.dump import documents
from store.key_refs import keys_in
from store.ledger import Ledger
from store.pages import Pages, from_document
from store.records import Records

_BATCH: Final = 200
Keys = Mapping[Level, KeyRef]


@dataclass(slots=True)
class Tried:
    """How many records were tried after their sweep, how many wait for it, and which opened and must not."""

    gone: int = 0
    unswept: int = 0
    alive: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt on a sample of the destroyed records that the backup still holds as living.

    Attributes:
        transit: may decrypt under the levels' roots and rewrap under the sealed one.
        scratch: the restored database.
        plain: the opened backup, which ``manifest`` describes.
        choose: picks at most ``sample`` records.
    """

    transit: Transit
    scratch: Database
    plain: Path
    manifest: Manifest
    sample: int
    choose: random.Random

    async def run(self, ring: KeyRing) -> Tried:
        """Try them.

        Args:
            ring: over the restored pages.

        Raises:
            Transient: DG-KEY-001 when Vault does not answer.
        """
        gone = {str(doc["_id"]) async for doc in self.scratch["ledger"].find({}, {"_id": 1})}
        keys = self._chosen(gone)
        tried = Tried(alive=await self._restored(ring, keys))
        pages = self._pages({page for refs in keys.values() for page, _ in _places(refs)})
        opening = await self._opening(pages)
        for record, entry in (await Ledger(self.scratch).get(keys)).items():
            held = [(page, slot) for page, slot in _places(keys[record]) if page in pages and slot in pages[page].slots]
            if not held:  # the backup has its ciphertexts and no key: there is nothing to try
                continue
            swept = [page for page, _ in held if _is_swept(entry, pages[page].root)]
            if any(page in opening for page in swept):
                tried.alive.add(record)
            if len(swept) == len(held):
                tried.gone += 1
            else:
                tried.unswept += 1
        return tried

    async def _restored(self, ring: KeyRing, keys: Mapping[str, Keys]) -> set[str]:
        """Those that the restored database still opens, or shows as living."""
        opened = await ring.try_open(keys)
        alive = {name for name, deks in opened.items() if not isinstance(deks, DanganError)}
        sealed = {name: {ref.sealed for ref in refs.values() if ref.sealed} for name, refs in keys.items()}
        pages = await Pages(self.scratch).get({page for names in sealed.values() for page in names})
        alive |= {name for name, names in sealed.items() if any(page in pages and pages[page].slots for page in names)}
        return alive | (await Records(self.scratch).get(list(keys))).keys()

    async def _opening(self, pages: Mapping[str, Page]) -> set[str]:
        """Those of the backup's own pages that Vault opens today. What they hold is not kept."""
        by_root: dict[str, list[Page]] = defaultdict(list)
        for page in pages.values():
            by_root[page.root].append(page)
        found = set()
        for root, listed in by_root.items():
            for start in range(0, len(listed), _BATCH):
                batch = listed[start : start + _BATCH]
                wrapped = [page.wrapped_key for page in batch]
                if root == SEALED_ROOT:  # nobody here may decrypt: that Vault rewraps it tells as much
                    rewrapped = await self.transit.rewrap(root, wrapped)
                    found |= {page.id for page, to in zip(batch, rewrapped, strict=True) if not _refused(to)}
                    continue
                opened = await self.transit.try_decrypt(root, wrapped)
                found |= {
                    page.id
                    for page, key in zip(batch, opened, strict=True)
                    if not isinstance(key, KeyRefused) and _has_table(page, key)
                }
        return found

    def _chosen(self, gone: Collection[str]) -> dict[str, Keys]:
        """The key references that a sample of them has in the backup; never more of them in memory."""
        chosen: list[tuple[str, Keys]] = []
        seen = 0
        for raw in self._documents("records"):
            doc = RawBSONDocument(raw)
            if doc["_id"] not in gone or doc["state"] != "live":
                continue
            seen += 1
            if len(chosen) < self.sample:
                chosen.append((str(doc["_id"]), keys_in(doc)))
            elif (at := self.choose.randrange(seen)) < self.sample:
                chosen[at] = (str(doc["_id"]), keys_in(doc))
        return dict(chosen)

    def _pages(self, wanted: Collection[str]) -> dict[str, Page]:
        found: dict[str, Page] = {}
        for raw in self._documents("pages"):
            if (name := RawBSONDocument(raw)["_id"]) in wanted:
                found[name] = from_document(bson.decode(raw))
        return found

    def _documents(self, collection: str) -> Iterator[bytes]:
        file = collection_file(self.plain, self.manifest, collection)
        if file.exists():
            with file.open("rb") as source:
                yield from documents(source)


def _places(refs: Keys) -> set[tuple[str, int]]:
    return {place for ref in refs.values() for place in ref.places}


def _is_swept(entry: Entry, root: str) -> bool:
    return entry.state is State.CERTIFIED or root in entry.swept


def _refused(answer: object) -> bool:
    return isinstance(answer, KeyRefused)


def _has_table(page: Page, key: bytes) -> bool:
    try:
        open_table(page, key)
    except DanganError:
        return False
    return True
