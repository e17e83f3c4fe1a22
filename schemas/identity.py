"""What makes two records one customer's (唯一性, ARR-13): keys that a unique index keeps apart, and no value in them.

A record has up to two identity keys: one of its best identifying field, made from that field's blind index token
(keys/index.py), and one of its subject. Both are bound to the purpose: what was collected for another purpose stands
on its own consent, and is an archive of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from schemas.rulebook import Identity

KEY_BYTES: Final = 16


def identity_keys(purpose: str, subject: str, tokens: Mapping[str, bytes], rule: Identity) -> tuple[bytes, ...]:
    """The keys that no other archive may have.

    Args:
        purpose: the record's; a name without a line break, as all here.
        subject: the data subject's reference.
        tokens: blind index tokens, field -> token.
        rule: table ``[identity]`` of the rule book.

    Returns:
        Keys of 16 bytes, that of the field first; none when the rule book does not demand one archive per customer.
    """
    if not rule.unique:
        return ()
    of_subject = _key(b"subject", purpose, b"", subject.encode())
    for name in rule.fields:
        if name in tokens:
            return (_key(b"field", purpose, name.encode(), tokens[name]), of_subject)
    return (of_subject,)


def _key(kind: bytes, purpose: str, name: bytes, value: bytes) -> bytes:
    return hashlib.sha256(b"\n".join((b"dangan-identity-1", kind, purpose.encode(), name, value))).digest()[:KEY_BYTES]
