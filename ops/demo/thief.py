"""Somebody with a stolen backup and every right in Vault: what can they read of one record?

Before the destruction everything, which shows that the attempt is a real one. After the sweep nothing: the backup's
wrapped keys are under versions that Vault has destroyed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import bson
import orjson
from pydantic import SecretStr

from keys.cipher import FieldCipher
from keys.pages import Page, open_table
from keys.roots import INGEST_ROOT, root_of
from keys.vault import KeyRefused, transit_of
from schemas.catalogue import Catalogue
from schemas.levels import Level
from schemas.settings import Settings
from store import pages as page_store
from store.database import Document
from store.record import Record
from store.record import from_document as record_from_document


@dataclass(frozen=True, slots=True)
class Loot:
    """What the thief got: values in clear, and how many wrapped keys Vault opened or refused."""

    values: Mapping[str, object]
    opened: int
    refused: int


@dataclass(frozen=True, slots=True)
class Stolen:
    """One record's document, its key pages and the ingest keys, out of a backup's files."""

    record: Record
    pages: Mapping[Level, Page]
    ingest_keys: tuple[str, ...]


def steal(backup: Path, record: str) -> Stolen:
    """Take a record and its wrapped keys out of a backup (BSON files, as mongodump lays them out)."""
    document = next(each for each in _documents(backup, "records") if each["_id"] == record)
    stolen = record_from_document(document)
    wanted = {ref.page for ref in stolen.keys.values()}
    pages = [page_store.from_document(each) for each in _documents(backup, "pages") if each["_id"] in wanted]
    ingest = [each["wrapped_private"] for each in _documents(backup, "ingest_keys") if each.get("wrapped_private")]
    return Stolen(stolen, {page.level: page for page in pages}, tuple(ingest))


async def read(stolen: Stolen, settings: Settings, root_token: SecretStr, catalogue: Catalogue) -> Loot:
    """Try every wrapped key on Vault with its root token, and read what opens."""
    values: dict[str, object] = {}
    opened = refused = 0
    async with transit_of(settings, root_token.get_secret_value) as transit:
        for level, page in stolen.pages.items():
            (key,) = await transit.try_decrypt(root_of(level), [page.wrapped_key])
            if isinstance(key, KeyRefused):
                refused += 1
                continue
            opened += 1
            dek = open_table(page, key)[stolen.record.keys[level].slot]
            values |= _fields(stolen.record, level, FieldCipher(dek, stolen.record.id, level), catalogue)
        for key in await transit.try_decrypt(INGEST_ROOT, list(stolen.ingest_keys)):
            refused, opened = refused + isinstance(key, KeyRefused), opened + (not isinstance(key, KeyRefused))
    return Loot(values, opened, refused)


def _fields(record: Record, level: Level, cipher: FieldCipher, catalogue: Catalogue) -> dict[str, object]:
    return {
        name: orjson.loads(cipher.open(name, record.field_versions.get(name, 1), sealed))
        for name, sealed in record.fields.items()
        if catalogue.field(name).level is level
    }


def _documents(backup: Path, collection: str) -> Iterator[Document]:
    for path in sorted(backup.rglob(f"{collection}.bson")):
        with path.open("rb") as file:
            yield from bson.decode_file_iter(file)
