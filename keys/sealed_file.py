"""A file sealed chunk by chunk with AES-256-GCM, so that it is written and read as a stream (备份加密; STO-06).

```
"dangan-sealed-file-1\\n"
header: one line of JSON, in clear, at most 64 KiB; it belongs to the seal
per chunk: length (4, big-endian; the highest bit is set on the last) | ciphertext | tag (16)

nonce = the chunk's number from 0 (12, big-endian)
AAD   = "dangan-sealed-file-1|" | SHA-256 of the header line (32) | number (8) | 1 for the last, else 0 (1)
```

The key is made for one file and used for nothing else, so a counter is a safe nonce. A chunk opens only at its
place, in a file with that header; without the last chunk a file is cut short. So nothing can be altered, moved,
dropped, cut off or added.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from io import BufferedIOBase
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.errors import DanganError

KEY_BYTES: Final = 32
_MAGIC: Final = b"dangan-sealed-file-1\n"
_LABEL: Final = b"dangan-sealed-file-1|"
_TAG: Final = 16
_LAST: Final = 1 << 31
#: A run of documents is as long as the server's answer, 16 MiB and a document at most.
MAX_CHUNK: Final = 64 << 20
_MAX_HEADER: Final = 1 << 16


class Sealer:
    """Makes a file's bytes; ``start`` once, ``chunk`` any number of times, ``end`` once.

    Args:
        key: 32 random bytes, for this file alone.
        header: JSON on one line, without the end of the line.
    """

    def __init__(self, key: bytes, header: bytes) -> None:
        if b"\n" in header or len(header) >= _MAX_HEADER:
            raise ValueError("a header is one line of less than 64 KiB")
        self._aead = AESGCM(key)
        self._line = header + b"\n"
        self._place = _LABEL + hashlib.sha256(self._line).digest()
        self._number = 0

    def start(self) -> bytes:
        """The first bytes."""
        return _MAGIC + self._line

    def chunk(self, data: bytes) -> bytes:
        """A chunk of at most 64 MiB, sealed."""
        return self._seal(data, last=False)

    def end(self, data: bytes) -> bytes:
        """The last chunk, sealed."""
        return self._seal(data, last=True)

    def _seal(self, data: bytes, *, last: bool) -> bytes:
        if len(data) > MAX_CHUNK:
            raise ValueError("a chunk is too long")
        sealed = self._aead.encrypt(_nonce(self._number), data, _aad(self._place, self._number, last))
        self._number += 1
        return struct.pack(">I", len(sealed) | (_LAST if last else 0)) + sealed


class SealedReader:
    """Reads a sealed file: the header at once, the chunks with the key.

    Attributes:
        header: the header line, not yet authenticated: it is once a chunk has opened.

    Raises:
        DanganError: DG-BAK-030 when it is no sealed file.
    """

    def __init__(self, source: BufferedIOBase) -> None:
        self._source = source
        if source.read(len(_MAGIC)) != _MAGIC:
            raise DanganError("DG-BAK-030", detail="not a sealed file")
        line = source.readline(_MAX_HEADER)
        if not line.endswith(b"\n"):
            raise DanganError("DG-BAK-030", detail="header")
        self.header = line[:-1]
        self._place = _LABEL + hashlib.sha256(line).digest()

    def chunks(self, key: bytes) -> Iterator[tuple[bytes, bool]]:
        """The chunks in order, each with whether it is the last.

        Raises:
            DanganError: DG-BAK-030 when one does not open at its place, or the file does not end with the last.
        """
        aead = AESGCM(key)
        number, last = 0, False
        while not last:
            head = self._source.read(4)
            length = int.from_bytes(head, "big") & ~_LAST
            if len(head) != 4 or not _TAG <= length <= MAX_CHUNK + _TAG:
                raise DanganError("DG-BAK-030", detail="cut short")
            last = bool(head[0] & 0x80)
            sealed = self._source.read(length)
            if len(sealed) != length:  # a greater length than the last chunk has would be read as that chunk
                raise DanganError("DG-BAK-030", detail="cut short")
            try:
                plain = aead.decrypt(_nonce(number), sealed, _aad(self._place, number, last))
            except InvalidTag:
                raise DanganError("DG-BAK-030", detail="a chunk does not open") from None
            number += 1
            if last and self._source.read(1):
                raise DanganError("DG-BAK-030", detail="more after the end")
            yield plain, last


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _aad(place: bytes, number: int, last: bool) -> bytes:
    return place + struct.pack(">QB", number, last)
