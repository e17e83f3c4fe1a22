"""The floors of encrypting: the same fields of the same records through other libraries, and nothing else.

- MongoDB's client-side field-level encryption: ``ClientEncryption.encrypt`` (pymongo over libmongocrypt), local KMS,
  ``AEAD_AES_256_CBC_HMAC_SHA_512-Random``, once with one key that stays warm and once with a key for each record.
- Tink: ``AES256_GCM`` with associated data, one keyset in memory.

Processor time of the calling thread only: for a key per record the server works besides, which is not counted.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from typing import Any, Final

import tink
from bson import Binary
from bson.codec_options import CodecOptions
from pymongo import MongoClient
from pymongo.encryption import ClientEncryption
from tink import aead

from benchmarks.customers import Fields

ALGORITHM: Final = "AEAD_AES_256_CBC_HMAC_SHA_512-Random"


def csfle_warm_us(uri: str, people: Sequence[Fields]) -> float:
    """Processor time for a record with one warm key, microseconds."""
    with MongoClient[dict[str, Any]](uri) as client, _encryption(client) as encryption:
        key = encryption.create_data_key("local")
        _encrypt(encryption, people[0], key)
        start = time.thread_time()
        for person in people:
            _encrypt(encryption, person, key)
        used = time.thread_time() - start
        return 1e6 * used / len(people)


def csfle_key_each_us(uri: str, people: Sequence[Fields]) -> float:
    """Processor time for a record with a data key of its own, microseconds."""
    with MongoClient[dict[str, Any]](uri) as client, _encryption(client) as encryption:
        _encrypt(encryption, people[0], encryption.create_data_key("local"))
        start = time.thread_time()
        for person in people:
            _encrypt(encryption, person, encryption.create_data_key("local"))
        used = time.thread_time() - start
        return 1e6 * used / len(people)


def tink_us(people: Sequence[Fields]) -> float:
    """Processor time for a record through Tink, microseconds."""
    aead.register()
    primitive = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM).primitive(aead.Aead)
    start = time.thread_time()
    for at, person in enumerate(people):
        place = b"record-%d|" % at
        for name, value in person.items():
            primitive.encrypt(str(value).encode(), place + name.encode())
    return 1e6 * (time.thread_time() - start) / len(people)


def _encryption(client: MongoClient[dict[str, Any]]) -> ClientEncryption[dict[str, Any]]:
    master = {"local": {"key": os.urandom(96)}}
    vault = f"bench_{uuid.uuid4().hex[:8]}.keys"
    return ClientEncryption(master, vault, client, CodecOptions(uuid_representation=4))


def _encrypt(encryption: ClientEncryption[dict[str, Any]], person: Fields, key: Binary) -> None:
    for value in person.values():
        encryption.encrypt(value, ALGORITHM, key_id=key)
