"""The field cipher: a record's DEK of one level encrypts the fields of that level, one by one.

```
ciphertext = suite (1 byte) | nonce (12) | encrypted value | tag (16)
AAD        = dangan-field-1|LENGTH:RECORD|LEVEL|SUITE|VERSION|FIELD
```

The AAD is unambiguous: the record id carries its length in bytes, level, suite and version hold no ``|``, and
the field is the rest. So a ciphertext opens only for the record, version, level and field it was made for:
one moved in the database opens nothing.

Suites: 1 is AES-256-GCM with the DEK itself; 2 is SM4-GCM (RFC 8998), for those who must use the national
algorithm (国密). SM4 keys have 128 bits, so its key is derived from the DEK by HKDF-SHA256 (RFC 5869) with
the suite's name as info; a DEK thus never serves two algorithms with the same key bytes.

Nonces are random, 96 bits. After q encryptions under a DEK two nonces are equal with a probability below
q^2 / 2^97; a DEK encrypts one record's fields of one level, so even 64 fields over 1,000 versions stay below
2^-64. NIST SP 800-38D asks for 2^-32.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schemas.errors import DanganError
from schemas.levels import Level

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
#: What a ciphertext is longer than its value.
OVERHEAD_BYTES: Final = 1 + NONCE_BYTES + TAG_BYTES

Random = Callable[[int], bytes]
_BUFFER_BYTES: Final = 4096


class RandomBuffer:
    """Random bytes of the operating system, fetched 4,096 at a time: the call costs more than the bytes.

    For one thread of one process: a fork would hand out the same bytes twice.
    """

    __slots__ = ("_at", "_bytes")

    def __init__(self) -> None:
        self._bytes = b""
        self._at = 0

    def __call__(self, count: int) -> bytes:
        """So many bytes (at most 4,096) that were never handed out before."""
        end = self._at + count
        if end > len(self._bytes):
            self._bytes, end = os.urandom(_BUFFER_BYTES), count
        taken = self._bytes[end - count : end]
        self._at = end
        return taken


class Suite(IntEnum):
    """The algorithm, as the first byte of a ciphertext names it. Numbers are never used again."""

    AES_256_GCM = 1
    SM4_GCM = 2

    __hash__ = int.__hash__  # an Enum's own is a Python function


class _Aead(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes: ...


_LEVELS: Final = {level: level.value.encode() for level in Level}


class FieldCipher:
    """Encrypts and decrypts the fields of one record and level.

    Args:
        dek: 32 bytes.
        record: the record's id.
        level: the level of the fields.
        suite: what :meth:`seal` uses; :meth:`open` goes by the ciphertext.
        random: gives so many random bytes, for nonces; fixed only in test vectors.
    """

    __slots__ = ("_dek", "_engines", "_place", "_random", "_suite")

    def __init__(
        self,
        dek: bytes,
        record: str,
        level: Level,
        suite: Suite = Suite.AES_256_GCM,
        *,
        random: Random = os.urandom,
    ) -> None:
        name = record.encode()
        self._dek = dek
        self._place = b"dangan-field-1|%d:%s|%s|" % (len(name), name, _LEVELS[level])
        self._suite = suite
        self._random = random
        self._engines: dict[int, tuple[_Aead, bytes]] = {}

    def seal(self, field: str, version: int, value: bytes) -> bytes:
        """Encrypt a value; 29 bytes longer than the value.

        Args:
            field: the field's name.
            version: the record's version, 1 or more.
            value: the value's canonical bytes.

        Raises:
            DanganError: DG-KEY-007 when the suite is not available here.
        """
        aead, place = self._engine(self._suite)
        nonce = self._random(NONCE_BYTES)
        aad = place + b"%d|%s" % (version, field.encode())
        return _MARKS[self._suite] + nonce + aead.encrypt(nonce, value, aad)

    def seal_all(self, version: int, values: Mapping[str, bytes]) -> dict[str, bytes]:
        """Encrypt several fields, as :meth:`seal` does one by one, at two thirds of the price."""
        aead, place = self._engine(self._suite)
        place += b"%d|" % version
        mark, encrypt = _MARKS[self._suite], aead.encrypt
        nonces = self._random(NONCE_BYTES * len(values))
        sealed: dict[str, bytes] = {}
        end = 0
        for field, value in values.items():
            start, end = end, end + NONCE_BYTES
            nonce = nonces[start:end]
            sealed[field] = mark + nonce + encrypt(nonce, value, place + field.encode())
        return sealed

    def open(self, field: str, version: int, ciphertext: bytes) -> bytes:
        """Decrypt what :meth:`seal` made for the same record, level, field and version.

        Raises:
            DanganError: DG-KEY-004 when it does not open; DG-KEY-007 when its suite is not available here.
        """
        if len(ciphertext) < OVERHEAD_BYTES or ciphertext[0] not in _MARKS:
            raise DanganError("DG-KEY-004", field=field)
        aead, place = self._engines.get(ciphertext[0]) or self._engine(ciphertext[0])
        nonce, sealed = ciphertext[1 : 1 + NONCE_BYTES], ciphertext[1 + NONCE_BYTES :]
        try:
            return aead.decrypt(nonce, sealed, place + _named(version, field))
        except InvalidTag as error:
            raise DanganError("DG-KEY-004", field=field) from error

    def _engine(self, suite: int) -> tuple[_Aead, bytes]:
        """The suite's AEAD and the AAD's first part, made once."""
        engine = self._engines.get(suite)
        if engine is None:
            aead: _Aead = AESGCM(self._dek) if suite == Suite.AES_256_GCM else _Sm4Gcm(self._dek)
            engine = self._engines[suite] = (aead, self._place + b"%d|" % suite)
        return engine


@lru_cache(maxsize=4096)
def _named(version: int, field: str) -> bytes:
    """The AAD's last part: a reading needs the same few again and again."""
    return b"%d|%s" % (version, field.encode())


class _Sm4Gcm:
    """SM4-GCM (RFC 8998) under a key derived from the DEK, in the manner of :class:`AESGCM`."""

    __slots__ = ("_key",)

    def __init__(self, dek: bytes) -> None:
        hkdf = HKDF(hashes.SHA256(), length=16, salt=None, info=b"dangan-field-1 SM4-GCM")
        self._key = algorithms.SM4(hkdf.derive(dek))

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        try:
            cipher = Cipher(self._key, modes.GCM(nonce)).encryptor()
        except UnsupportedAlgorithm as error:
            raise DanganError("DG-KEY-007", detail="SM4-GCM") from error
        cipher.authenticate_additional_data(associated_data)
        return cipher.update(data) + cipher.finalize() + cipher.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        try:
            cipher = Cipher(self._key, modes.GCM(nonce)).decryptor()
        except UnsupportedAlgorithm as error:
            raise DanganError("DG-KEY-007", detail="SM4-GCM") from error
        cipher.authenticate_additional_data(associated_data)
        return cipher.update(data[:-TAG_BYTES]) + cipher.finalize_with_tag(data[-TAG_BYTES:])


_MARKS: Final = {int(suite): bytes([suite]) for suite in Suite}
