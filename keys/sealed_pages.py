"""Sealed pages (封存): one for each level of a sealed record, with its DEK in slot 0, under the root ``dangan-sealed``.

Which page a DEK moves to follows from where it lies, so that whoever finds a record's old place finds its later ones
too: a restore of an old backup, for instance (:func:`present`). And a page is filled once: where a forget puts an
empty page first (:func:`fence`), no sealing that is still on its way can bring the DEK back.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from keys.confirm import Draft, confirm
from keys.pages import KEY_BYTES, Page, rekeyed, root_version_of, seal_table
from keys.ports import KeyRef, PageStore
from keys.vault import Transit
from schemas.errors import Refusal
from schemas.levels import Level

_ID_BYTES: Final = 12
#: How often a record is followed from an old backup: each sealing and each unsealing is one move.
_MOVES: Final = 1000


class Wanted(NamedTuple):
    """A page that is to hold exactly one DEK, in slot 0."""

    id: str
    level: Level
    cohort: str
    sealed: bool
    dek: bytes


def sealed_id(page: str, slot: int) -> str:
    """The sealed page that takes the DEK of a slot."""
    return _derived("sealed", page, slot)


def opened_id(sealed: str) -> str:
    """The page that takes the DEK of a sealed page when it is unsealed."""
    return _derived("opened", sealed, 0)


def _derived(what: str, page: str, slot: int) -> str:
    return hashlib.sha256(f"dangan-{what}-page-1|{page}|{slot}".encode()).digest()[:_ID_BYTES].hex()


def present(ref: KeyRef, slots: Mapping[str, int]) -> KeyRef | None:
    """Where a DEK lies by now that once lay at ``ref``; None when it is nowhere.

    Args:
        ref: as an old backup of the record has it.
        slots: page id -> slots (bit n for slot n), of the pages that open.
    """
    if ref.shut:
        found = ref
    else:
        if slots.get(ref.page, 0) >> ref.slot & 1:
            return ref
        found = KeyRef(ref.page, ref.slot, sealed_id(ref.page, ref.slot), shut=True)
    for _ in range(_MOVES):
        if slots.get(found.sealed, 0) & 1:
            return found
        opened = opened_id(found.sealed)
        if slots.get(opened, 0) & 1:
            return KeyRef(opened, 0, found.sealed)
        if opened not in slots:
            return None
        found = KeyRef(opened, 0, sealed_id(opened, 0), shut=True)
    return None


async def fill(transit: Transit, store: PageStore, wanted: Sequence[Wanted], standing: Mapping[str, Page]) -> bool:
    """Write and confirm pages; False when somebody else wrote one meanwhile, so that all must be read again.

    Args:
        transit: may encrypt under the pages' roots, and read their versions.
        store: takes them.
        wanted: pages that nothing relies on yet.
        standing: those of them that an interrupted run left, as they were read.

    Raises:
        Refusal: DG-SEL-006 when one was emptied: its record is being destroyed.
        Transient: DG-KEY-001 when Vault does not answer.
    """
    if any(each.id in standing and not standing[each.id].slots for each in wanted):
        raise Refusal("DG-SEL-006")
    drafts = await _drafts(transit, wanted, standing)
    pages = [draft.page for draft in drafts]
    if await store.insert_free([page for page in pages if page.id not in standing]):
        return False
    again = [(page, page.version - 1) for page in pages if page.id in standing]
    if await store.replace_many(again) != len(again):
        return False
    await confirm(transit, store, drafts)
    return True


async def fence(
    transit: Transit, store: PageStore, refs: Mapping[str, Mapping[Level, KeyRef]], pages: Mapping[str, Page]
) -> bool:
    """Put an empty page wherever a record names one that is not there: nobody can fill it any more.

    Args:
        transit: may encrypt under every root, and read their versions.
        store: holds the pages.
        refs: of records that are being destroyed.
        pages: as they were read.

    Returns:
        False when one came to be there meanwhile: read again.
    """
    absent = {
        page: Wanted(page, level, "", page == ref.sealed, b"")
        for keys in refs.values()
        for level, ref in keys.items()
        for page, _slot in ref.places
        if ref.sealed and page not in pages
    }
    return not absent or await fill(transit, store, list(absent.values()), {})


async def _drafts(transit: Transit, wanted: Sequence[Wanted], standing: Mapping[str, Page]) -> list[Draft]:
    drafts: list[Draft] = []
    for root, group in _by_root(wanted).items():
        keys = [bytearray(os.urandom(KEY_BYTES)) for _ in group]
        wraps = await transit.encrypt(root, [bytes(key) for key in keys])
        for (each, empty), key, wrapped in zip(group, keys, wraps, strict=True):
            deks = {0: each.dek} if each.dek else {}
            if each.id in standing:
                page = rekeyed(standing[each.id], deks, bytes(key), wrapped.ciphertext)
            else:
                version = root_version_of(wrapped.ciphertext)
                slots, table = seal_table(bytes(key), deks, page=each.id, level=each.level, generation=1)
                page = replace(empty, root_version=version, wrapped_key=wrapped.ciphertext, slots=slots, table=table)
            drafts.append(Draft(page, key))
    return drafts


def _by_root(wanted: Collection[Wanted]) -> dict[str, list[tuple[Wanted, Page]]]:
    found: dict[str, list[tuple[Wanted, Page]]] = {}
    for each in wanted:
        page = Page(each.id, each.level, each.cohort, 0, 1, 1, "", b"", b"", sealed=each.sealed)
        found.setdefault(page.root, []).append((each, page))
    return found
