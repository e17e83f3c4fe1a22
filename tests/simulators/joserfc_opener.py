"""The same envelope opened with joserfc: an independent implementation to compare ours with.

Only the answer "accepted, and this is the payload" or "refused" is compared, since the library draws the
lines between kinds of refusal elsewhere.
"""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.registry import HeaderParameter
from joserfc.util import urlsafe_b64decode

from keys.okp import ReceivingKey


class _Jwe(jwe.JWERegistry):
    max_ciphertext_length = 1 << 20


class _Jws(jws.JWSRegistry):
    max_header_length = 4096
    max_payload_length = 1 << 20


_JWE = _Jwe(algorithms=["ECDH-ES+A256KW", "A256GCM"])
_JWS = _Jws(
    header_registry={
        "iat": HeaderParameter("signed at", "int"),
        "bid": HeaderParameter("bundle", "str"),
        "aud": HeaderParameter("sealed to", "str"),
        "wcert": HeaderParameter("writer's certificate", "str"),
    },
    algorithms=["Ed25519"],
)


def open_with_joserfc(
    value: bytes, key: ReceivingKey, sender: bytes, *, types: tuple[str, str], members: frozenset[str]
) -> bytes | None:
    """The payload, or None when joserfc or our pinned header rules refuse.

    Args:
        value: a compact JWE.
        key: the recipient's.
        sender: raw Ed25519 public key.
        types: ``typ`` of the JWE and of the JWS inside.
        members: what the JWS header holds besides alg, kid and typ.
    """
    try:
        outer = jwe.decrypt_compact(value, OKPKey.import_key(key.private), registry=_JWE)
        _expect(value, {"alg", "enc", "typ", "kid", "epk"}, types[0])
        plaintext = outer.plaintext or b""
        verifier = OKPKey.import_key(Ed25519PublicKey.from_public_bytes(sender))
        inner = jws.deserialize_compact(plaintext, verifier, registry=_JWS)
        _expect(plaintext, {"alg", "kid", "typ"} | members, types[1])
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if outer.protected["kid"] != key.kid or outer.protected["epk"].keys() != {"kty", "crv", "x"}:
        return None
    return inner.payload


def _expect(compact: bytes, members: set[str], typ: str) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("twice")
        return dict(pairs)

    header = json.loads(urlsafe_b64decode(compact.split(b".")[0]), object_pairs_hook=unique)
    if header.keys() != members or header["typ"] != typ:
        raise ValueError("header")
