"""Values that must never be found in clear, and a search that would find them.

A search looks for each value as text (UTF-8, UTF-16 in both orders), hexadecimal, base64 at each of its three
alignments in both alphabets, JSON with escapes, and for numbers also as 64-bit integers, as MongoDB would keep them.
"""

from __future__ import annotations

import base64
import json
import os
import re
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from bson import encode
from pymongo import AsyncMongoClient

from schemas.settings import Settings
from tests.harness.aftermath import messages_of
from tests.harness.customers import Fields, customer

_SHORTEST = 7  # bytes: what is shorter could be found by chance
_ZEROS = re.compile(b"\x00{4096,}")
_NAMES = ("nationality", "occupation", "address", "city", "interests", "last_feedback", "name")


def canary_customer(number: int, marker: str) -> Fields:
    """A valid customer whose every text holds the marker; numbers and dates are canaries by themselves."""
    fields = customer(number)
    fields |= {name: f"{fields[name]} {marker}" for name in _NAMES}
    return {**fields, "email": f"{marker.lower()}-{number}@example.org"}


def canaries_of(fields: Fields, marker: str) -> set[str]:
    """What to search for. Choices are left out: their few words stand in the catalogue itself."""
    choices = {"gender", "preferred_channel", "risk_grade", "email", *_NAMES}
    whole = {str(value) for name, value in fields.items() if name not in choices}
    return whole | {marker, marker.lower(), fields["name"].split()[0]}


class Search:
    """Looks for values in every shape."""

    def __init__(self, values: Iterable[str]) -> None:
        self._needles = {needle: value for value in values for needle in shapes(value)}

    def inside(self, data: bytes) -> set[str]:
        """Which of the values are in there."""
        return {value for needle, value in self._needles.items() if needle in data}

    def below(self, folder: Path) -> dict[str, set[str]]:
        """File -> the values found in it, for every byte of every file below a folder."""
        found = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and (hits := self.inside(read(path))):
                found[str(path.relative_to(folder))] = hits
        return found

    async def in_topics(self, settings: Settings) -> dict[str, set[str]]:
        """Topic -> the values found in its messages as a consumer gets them: decompressed, with keys and headers."""
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
        await admin.start()
        try:
            topics = sorted(await admin.list_topics())
        finally:
            await admin.close()
        found = {}
        for topic in topics:
            parts = bytearray()
            for message in await messages_of(settings, topic):
                headers = [part for name, raw in message.headers for part in (name.encode(), raw or b"")]
                parts += b"\n".join((message.key or b"", message.value or b"", *headers)) + b"\n"
            if hits := self.inside(bytes(parts)):
                found[topic] = hits
        return found

    async def in_database(self, settings: Settings) -> dict[str, set[str]]:
        """Collection -> the values found in its documents as BSON, for every collection of every database."""
        found = {}
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongo_uri.get_secret_value())
        async with client:
            for name in await client.list_database_names():
                for collection in await client[name].list_collection_names():
                    documents = [encode(document) async for document in client[name][collection].find()]
                    if hits := self.inside(b"".join(documents)):
                        found[f"{name}.{collection}"] = hits
        return found


def shapes(value: str) -> set[bytes]:
    """Every form in which a value is looked for."""
    plain = value.encode()
    texts = {plain, value.encode("utf-16-le"), value.encode("utf-16-be"), json.dumps(value)[1:-1].encode()}
    found = set(texts)
    for text in texts:
        found |= {text.hex().encode(), text.hex().upper().encode()}
        for shift in range(3):
            found |= set(_base64_cores(text, shift))
    if value.isdigit() and len(value) >= 10 and int(value) < 1 << 63:
        found |= {struct.pack("<q", int(value)), struct.pack(">q", int(value))}
    return {needle for needle in found if len(needle) >= _SHORTEST}


def _base64_cores(text: bytes, shift: int) -> Iterator[bytes]:
    """The characters that do not depend on what stands around the text."""
    encoded = base64.b64encode(bytes(shift) + text)
    first = -(-shift * 8 // 6)
    last = (shift + len(text)) * 8 // 6
    yield encoded[first:last]
    yield encoded[first:last].translate(bytes.maketrans(b"+/", b"-_"))


def read(path: Path) -> bytes:
    """A file's bytes without what is surely nothing: holes (Kafka's index files), long runs of zeros (journals)."""
    try:
        with path.open("rb") as file:
            return _ZEROS.sub(bytes(16), b"".join(_extents(file.fileno())))
    except FileNotFoundError:  # the broker or the store has just replaced it by another one
        return b""


def _extents(file: int) -> Iterator[bytes]:
    size, at = os.fstat(file).st_size, 0
    while at < size:
        try:
            start = os.lseek(file, at, os.SEEK_DATA)
        except OSError:  # nothing but a hole up to the end
            return
        at = os.lseek(file, start, os.SEEK_HOLE)
        yield os.pread(file, at - start, start)
