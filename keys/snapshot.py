"""Key-page snapshots: one file per root and sweep in every backup place, some 34 bytes a slot.

```
"dangan-keys-1\\n"
JSON: {"root", "sweep", "root_version", "made_at"} "\\n"
per key:   length (4, big-endian) | body
at the end: ffffffff | number of keys (4) | SHA-256 of everything before this field (32)
```

The body is ``id length (1) | id | version (4) | generation (4) | wrapped key's length (2) | wrapped key |
slots' length (2) | slots | rest``; what ``rest`` is, the root's kind says. No key in a file is in clear: each is
under its root's version, and a file is dead once that version is trimmed.

An old backup of the data and the newest of these files restore every record but the destroyed ones.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Final

import orjson

from keys.pages import root_version_of
from schemas.errors import DanganError

_MAGIC: Final = b"dangan-keys-1\n"
_END: Final = 0xFFFFFFFF
_MAX_BODY: Final = 1 << 20
_NUMBERS: Final = struct.Struct(">IIH")


@dataclass(frozen=True, slots=True)
class Header:
    """What a snapshot file is of. ``root_version``: no key in it is under an older one."""

    root: str
    sweep: str
    root_version: int
    made_at: int


@dataclass(frozen=True, slots=True)
class KeyCopy:
    """One wrapped key as a snapshot holds it, newest by (generation, version)."""

    id: str
    version: int
    generation: int
    wrapped_key: str
    slots: bytes
    rest: bytes

    @property
    def root_version(self) -> int:
        """The Vault key version in the wrapped key."""
        return root_version_of(self.wrapped_key)

    @property
    def mask(self) -> int:
        """The slots as bits."""
        bits = 0
        for slot in self.slots:
            bits |= 1 << slot
        return bits


class SnapshotEncoder:
    """Makes a file's bytes piece by piece, so that no snapshot is held in memory."""

    def __init__(self, header: Header) -> None:
        self._sha = hashlib.sha256()
        self._header = header
        self.count = 0

    def start(self) -> bytes:
        """The first bytes."""
        return self._hashed(_MAGIC + orjson.dumps(self._header) + b"\n")

    def add(self, copy: KeyCopy) -> bytes:
        """The bytes of one key."""
        body = encode(copy)
        self.count += 1
        return self._hashed(struct.pack(">I", len(body)) + body)

    def end(self) -> bytes:
        """The last bytes: the count, and the digest of all before it."""
        tail = self._hashed(struct.pack(">II", _END, self.count))
        return tail + self._hashed(self._sha.digest())

    @property
    def file_sha256(self) -> str:
        """SHA-256 of all bytes made so far, hexadecimal."""
        return self._sha.hexdigest()

    def _hashed(self, data: bytes) -> bytes:
        self._sha.update(data)
        return data


class SnapshotReader:
    """Reads a snapshot file: the header at once, the keys by iterating, the digest checked at the end.

    Raises:
        DanganError: DG-BAK-005 when the file is cut short, altered, or no snapshot.
    """

    def __init__(self, source: BufferedIOBase) -> None:
        self._source = source
        self._sha = hashlib.sha256()
        if self._take(len(_MAGIC)) != _MAGIC:
            raise DanganError("DG-BAK-005", detail="not a key-page snapshot")
        line = source.readline(4096)
        self._sha.update(line)
        try:
            self.header = Header(**orjson.loads(line))
        except (TypeError, orjson.JSONDecodeError):
            raise DanganError("DG-BAK-005", detail="header") from None

    def __iter__(self) -> Iterator[KeyCopy]:
        """The keys in the file's order."""
        count = 0
        while (length := self._number()) != _END:
            if length > _MAX_BODY:
                raise DanganError("DG-BAK-005", detail=f"key {count}")
            yield decode(self._take(length))
            count += 1
        if self._number() != count:
            raise DanganError("DG-BAK-005", detail="count")
        if self._source.read() != self._sha.digest():
            raise DanganError("DG-BAK-005", detail="digest")

    def _number(self) -> int:
        return int.from_bytes(self._take(4), "big")

    def _take(self, size: int) -> bytes:
        data = self._source.read(size)
        if len(data) != size:
            raise DanganError("DG-BAK-005", detail="cut short")
        self._sha.update(data)
        return data


def encode(copy: KeyCopy) -> bytes:
    """One key's body."""
    name, wrapped = copy.id.encode(), copy.wrapped_key.encode()
    return b"".join(
        (
            bytes((len(name),)),
            name,
            _NUMBERS.pack(copy.version, copy.generation, len(wrapped)),
            wrapped,
            struct.pack(">H", len(copy.slots)),
            copy.slots,
            copy.rest,
        )
    )


def decode(body: bytes) -> KeyCopy:
    """The key of a body. Raises DG-BAK-005 when it is not one."""
    try:
        at = 1 + body[0]
        name = body[1:at].decode()
        version, generation, wrapped_length = _NUMBERS.unpack_from(body, at)
        at += _NUMBERS.size
        wrapped = body[at : at + wrapped_length].decode()
        at += wrapped_length
        slots_end = at + 2 + int.from_bytes(body[at : at + 2], "big")
        copy = KeyCopy(name, version, generation, wrapped, body[at + 2 : slots_end], body[slots_end:])
        whole = slots_end <= len(body) and copy.root_version >= 1
    except (IndexError, ValueError, struct.error):
        whole = False
    if not whole:
        raise DanganError("DG-BAK-005", detail="a key's body")
    return copy
