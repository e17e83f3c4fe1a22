"""Somebody who copied everything before the destruction and holds Vault's root token: what can they read?

The thief knows all of our formats and uses our own code: the only thing that can stop them is a missing key.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pymongo import MongoClient

from keys.cipher import FieldCipher
from keys.ingest import IngestKey
from keys.pages import Page, open_table
from keys.roots import INGEST_ROOT, root_of
from keys.snapshot import SnapshotReader
from keys.vault import KeyRefused, Transit, transit_of
from keys.wrapped import page_of
from keys.wrapped_ingest import ingest_key_of
from ops.embedded.program import Service
from ops.embedded.stack import Stack
from schemas import wire
from schemas.catalogue import Catalogue
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.settings import Settings
from store.ingest_keys import from_document as ingest_key_from
from store.pages import from_document as page_from
from store.record import Record, from_document
from streams import compact
from tests.harness.aftermath import messages_of
from tests.harness.customers import Fields
from tests.harness.services import own_services


@dataclass(frozen=True)
class Loot:
    """What was copied.

    Attributes:
        folder: holds byte-for-byte copies of the services' data folders.
        messages: the values of the command topics.
    """

    folder: Path
    records: tuple[Record, ...]
    pages: tuple[Page, ...]
    ingest_keys: tuple[IngestKey, ...]
    messages: tuple[bytes, ...]


async def steal(stack: Stack, folder: Path) -> Loot:
    """Copy the data folders of store and broker, and open the copied store with a server of its own.

    The store is down for a moment: its copy is that of a disk that nobody writes to.
    """
    settings = stack.settings
    topics = [wire.topic_of(family) for family in wire.FAMILIES]
    messages = [message.value for message in await messages_of(settings, *topics) if message.value]
    copied = folder / "mongo" / "data"
    await asyncio.to_thread(stack.terminate, Service.MONGO)
    shutil.copytree(stack.data_dir(Service.MONGO), copied)
    await asyncio.to_thread(stack.restart, Service.MONGO)
    shutil.copytree(stack.data_dir(Service.KAFKA), folder / "kafka")
    pages, live, keys = await asyncio.to_thread(_read_copy, folder, settings.mongo_database)
    return Loot(folder, live, pages, keys, tuple(messages))


def _read_copy(folder: Path, name: str) -> tuple[tuple[Page, ...], tuple[Record, ...], tuple[IngestKey, ...]]:
    with own_services(folder, (Service.MONGO,)) as second:
        client: MongoClient[dict[str, Any]] = MongoClient(second.settings.mongo_uri.get_secret_value())
        with client:
            database = client[name]
            return (
                tuple(map(page_from, database["pages"].find())),
                tuple(map(from_document, database["records"].find({"state": "live"}))),
                tuple(map(ingest_key_from, database["ingest_keys"].find())),
            )


@dataclass(frozen=True)
class Thief:
    """Reads loot with Vault's root token."""

    settings: Settings
    root_token: str
    catalogue: Catalogue

    def vault(self) -> Transit:
        """A connection with all rights."""
        return transit_of(self.settings, lambda: self.root_token)

    async def records(self, records: Iterable[Record], pages: Iterable[Page]) -> dict[str, Fields]:
        """Every field that opens, by record: with each page key that Vault unwraps."""
        deks = await self._deks(pages)
        found: dict[str, Fields] = {}
        for record in records:
            opened = {name: value for name in record.fields if (value := self._open(record, name, deks)) is not None}
            if opened:
                found[record.id] = opened
        return found

    async def bundles(self, keys: Iterable[IngestKey], messages: Iterable[bytes]) -> list[bytes]:
        """The signed plaintext of every message that opens with an ingest key that Vault unwraps."""
        held = [(key.kid, key.wrapped_private) for key in keys if key.wrapped_private]
        async with self.vault() as transit:
            answers = await transit.try_decrypt(INGEST_ROOT, [wrapped for _, wrapped in held])
        private = {
            kid: X25519PrivateKey.from_private_bytes(raw)
            for (kid, _), raw in zip(held, answers, strict=True)
            if not isinstance(raw, KeyRefused)
        }
        opened = []
        for value in messages:
            try:
                sealed = compact.parse_sealed(value, typ=wire.TYP_BUNDLE_JWE, max_protected=wire.MAX_PROTECTED)
                if sealed.kid in private:
                    signed = compact.unseal(sealed, private[sealed.kid])
                    opened.append(compact.unb64(signed.split(b".")[1]))
            except (compact.Malformed, compact.Undecryptable):
                continue
        return opened

    async def bring_back(self, roots: Iterable[str]) -> dict[str, str]:
        """Ask Vault to accept old versions again; root -> what it said, empty where it agreed."""
        said = {}
        async with self.vault() as transit:
            for root in roots:
                try:
                    await transit.configure(root, min_decryption_version=1)
                except DanganError as error:
                    said[root] = error.detail or error.code
                else:
                    said[root] = ""
        return said

    async def _deks(self, pages: Iterable[Page]) -> dict[tuple[str, int], bytes]:
        found: dict[tuple[str, int], bytes] = {}
        everything = list(pages)
        async with self.vault() as transit:
            for level in Level:
                mine = [page for page in everything if page.level is level]
                answers = await transit.try_decrypt(root_of(level), [page.wrapped_key for page in mine])
                for page, key in zip(mine, answers, strict=True):
                    if not isinstance(key, KeyRefused):
                        found |= {(page.id, slot): dek for slot, dek in open_table(page, key).items()}
        return found

    def _open(self, record: Record, name: str, deks: Mapping[tuple[str, int], bytes]) -> Any:
        level = self.catalogue.field(name).level
        ref = record.keys[level]
        dek = deks.get((ref.page, ref.slot))
        if dek is None:
            return None
        try:
            version = record.field_versions.get(name, 1)
            return orjson.loads(FieldCipher(dek, record.id, level).open(name, version, record.fields[name]))
        except DanganError:
            return None


def snapshot_pages(places: Iterable[Path]) -> list[Page]:
    """The pages in the key-page snapshots of the backup places."""
    return [page_of(copy, level) for level in Level for copy in _copies(places, root_of(level))]


def snapshot_ingest_keys(places: Iterable[Path]) -> list[IngestKey]:
    """The ingest keys in the snapshots of the backup places."""
    return [ingest_key_of(copy) for copy in _copies(places, INGEST_ROOT)]


def _copies(places: Iterable[Path], root: str) -> list[Any]:
    found = []
    for file in sorted(file for place in places for file in place.glob(f"{root}.v*.keys")):
        with file.open("rb") as source:
            found += list(SnapshotReader(source))
    return found
