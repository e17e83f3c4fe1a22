"""Ids that a row gets every time it is published, and that tell nobody anything.

A record's id must be opaque (Kafka keys and audit events carry it in clear), yet the same row must get the same
id, so that publishing a file twice stores nothing twice. So ids are HMACs under a secret that only the
publisher's signing key yields. With another signing key the ids are others: after a key change, name the old key
file with ``--ids-as``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys.okp import SigningKey

_INFO: Final = b"dangan publish ids 1"


class RowIds:
    """Derives references and command ids from what stands in a row.

    Args:
        key: the publisher's signing key (its private bytes are HKDF's input, RFC 5869).
    """

    def __init__(self, key: SigningKey) -> None:
        hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO)
        self._secret = hkdf.derive(key.private.private_bytes_raw())

    def reference(self, kind: str, value: str) -> str:
        """An opaque reference: ``kind-`` and 128 bits of the value's HMAC."""
        return f"{kind}-{self._mac(kind, value.encode())[:16].hex()}"

    def command(self, parts: Mapping[str, Any]) -> str:
        """A command id (UUID, version 8 of RFC 9562) that is the same for the same content."""
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        raw = bytearray(self._mac("command", text.encode("utf-8", "surrogatepass"))[:16])
        raw[6] = raw[6] & 0x0F | 0x80
        raw[8] = raw[8] & 0x3F | 0x80
        return str(uuid.UUID(bytes=bytes(raw)))

    def _mac(self, kind: str, value: bytes) -> bytes:
        return hmac.digest(self._secret, kind.encode() + b"|" + value, hashlib.sha256)
