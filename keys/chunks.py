"""The chunk cipher: a record's DEK of one level encrypts the chunks of an attachment (附件), one by one.

```
ciphertext = suite (1 byte) | nonce (12) | encrypted chunk | tag (16)        as keys/cipher.py
AAD        = dangan-chunk-1|LENGTH:RECORD|LENGTH:ATTACHMENT|LEVEL|SUITE|CHUNKS|CHUNK
```

Record and attachment carry their lengths in bytes and the rest holds no ``|``, so the AAD is unambiguous. A chunk
opens only at its number, in an attachment of that many chunks, of that record: chunks cannot be reordered, dropped,
cut off, or moved to another attachment or record. Chunks are numbered from 1; number 0 is the digest of the whole,
which is encrypted like a chunk: a plain SHA-256 of a scan would tell whoever has the same scan that it is here.

The label keeps chunks apart from fields under the same DEK. An attachment adds at most 65 random nonces to the
bound that keys/cipher.py gives.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.cipher import NONCE_BYTES, OVERHEAD_BYTES, Random, Suite
from schemas.errors import DanganError
from schemas.levels import Level

#: The number under which the digest of the whole is encrypted.
DIGEST: Final = 0
_MARK: Final = bytes([Suite.AES_256_GCM])


class ChunkCipher:
    """Encrypts and decrypts the chunks of one attachment.

    Args:
        dek: 32 bytes: the record's, of the attachment's level.
        record: the record's id.
        attachment: the attachment's reference.
        level: the attachment's.
        chunks: how many there are in all.
        random: gives so many random bytes, for nonces; fixed only in tests.
    """

    __slots__ = ("_aead", "_chunks", "_place", "_random")

    def __init__(
        self, dek: bytes, record: str, attachment: str, level: Level, chunks: int, *, random: Random = os.urandom
    ) -> None:
        name, own = record.encode(), attachment.encode()
        parts = (len(name), name, len(own), own, level.value.encode(), Suite.AES_256_GCM, chunks)
        self._place = b"dangan-chunk-1|%d:%s|%d:%s|%s|%d|%d|" % parts
        self._aead = AESGCM(dek)
        self._chunks = chunks
        self._random = random

    def seal(self, number: int, chunk: bytes) -> bytes:
        """Encrypt a chunk; 29 bytes longer than the chunk.

        Args:
            number: from 1 to how many there are.
            chunk: the bytes.
        """
        nonce = self._random(NONCE_BYTES)
        return _MARK + nonce + self._aead.encrypt(nonce, chunk, self._place + b"%d" % number)

    def open(self, number: int, ciphertext: bytes) -> bytes:
        """Decrypt what :meth:`seal` made for the same place.

        Raises:
            DanganError: DG-KEY-004 when it does not open.
        """
        if len(ciphertext) < OVERHEAD_BYTES or ciphertext[:1] != _MARK:
            raise DanganError("DG-KEY-004", field=f"chunk {number}")
        nonce, sealed = ciphertext[1 : 1 + NONCE_BYTES], ciphertext[1 + NONCE_BYTES :]
        try:
            return self._aead.decrypt(nonce, sealed, self._place + b"%d" % number)
        except InvalidTag as error:
            raise DanganError("DG-KEY-004", field=f"chunk {number}") from error

    def seal_digest(self, digest: str) -> bytes:
        """Encrypt the SHA-256 of the whole, given as 64 hex digits."""
        return self.seal(DIGEST, bytes.fromhex(digest))

    def open_digest(self, ciphertext: bytes) -> str:
        """The SHA-256 of the whole as 64 hex digits. Raises as :meth:`open`."""
        return self.open(DIGEST, ciphertext).hex()

    def digest_of(self, ciphertexts: Sequence[bytes]) -> str:
        """The SHA-256, as 64 hex digits, of all chunks, opened in order.

        Raises:
            DanganError: DG-KEY-004 when one does not open at its place, or one is missing.
        """
        if len(ciphertexts) != self._chunks:
            raise DanganError("DG-KEY-004", field=f"{len(ciphertexts)} of {self._chunks} chunks")
        sha = hashlib.sha256()
        for number, ciphertext in enumerate(ciphertexts, start=1):
            sha.update(self.open(number, ciphertext))
        return sha.hexdigest()
