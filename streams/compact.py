"""Compact JWE and JWS with every choice pinned: one key agreement, one cipher, one signature.

A JWE (RFC 7516) is ``header.encrypted_key.iv.ciphertext.tag`` and a JWS (RFC 7515)
``header.payload.signature``, each part base64url. The general libraries negotiate algorithms and then forbid
most of them; here there is nothing to negotiate, and a header with a member more or less than expected is
refused (so ``crit``, ``zip``, ``jku``, ``b64`` never get a meaning). The steps are those of RFC 7518 section
4.6 (ECDH-ES, Concat KDF), RFC 3394 (AES key wrap), RFC 8037 and RFC 9864 (X25519, Ed25519). joserfc, a
complete implementation, stays the tests' oracle.
"""

from __future__ import annotations

import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from pydantic import ConfigDict, TypeAdapter

from schemas.wire import JWE_ALG, JWE_ENC, JWS_ALG, KID

#: RFC 7518 section 4.6.2: AlgorithmID, empty PartyUInfo and PartyVInfo, and 256 as the key's bit length.
_OTHER_INFO: Final = len(JWE_ALG).to_bytes(4, "big") + JWE_ALG.encode() + bytes(8) + (256).to_bytes(4, "big")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
#: pydantic's base64url decoder is strict (alphabet, unused bits) and 9 times as fast as binascii's, which
#: would be three quarters of the cost of opening a bundle of 50 commands. It tolerates padding and the
#: standard alphabet; those are refused before it is asked.
_DECODER: Final = TypeAdapter(bytes, config=ConfigDict(val_json_bytes="base64"))
_JWE_MEMBERS: Final = frozenset({"alg", "enc", "typ", "kid", "epk"})
_KEY_BYTES: Final = 32
_ENCODED = {"encrypted_key": 54, "iv": 16, "tag": 22, "signature": 86}


class Malformed(ValueError):
    """Not the pinned form. Carries no content."""


class Undecryptable(ValueError):
    """The pinned form, but key, ciphertext and header do not belong together."""


def b64(data: bytes) -> bytes:
    """Base64url without padding (RFC 7515 section 2)."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def unb64(text: bytes) -> bytes:
    """The bytes that canonical base64url stands for.

    Raises:
        Malformed: padding, a foreign character, or unused bits that are not zero.
    """
    if b"=" in text or b"+" in text or b"/" in text:
        raise Malformed("base64url")
    try:
        return _DECODER.validate_python(text.decode("ascii"))
    except ValueError:  # covers UnicodeDecodeError and pydantic's ValidationError, which quotes its input
        raise Malformed("base64url") from None


@dataclass(frozen=True, slots=True)
class Sealed:
    """A JWE that has the pinned form; ``kid`` says which key opens it."""

    kid: str
    protected: bytes
    ephemeral: bytes
    encrypted_key: bytes
    iv: bytes
    ciphertext: bytes
    tag: bytes


@dataclass(frozen=True, slots=True)
class Signed:
    """A JWS that has the pinned form, not verified yet."""

    header: Mapping[str, Any]
    signing_input: bytes
    payload_segment: bytes
    signature: bytes

    @property
    def kid(self) -> str:
        """Whose key is said to have signed."""
        return str(self.header["kid"])

    def payload(self) -> bytes:
        """The decoded payload; Malformed if it is not base64url."""
        return unb64(self.payload_segment)


@dataclass(frozen=True, slots=True)
class SealingSecrets:
    """The random parts of one JWE; given explicitly only by the test vectors."""

    ephemeral: X25519PrivateKey
    content_key: bytes
    iv: bytes

    @classmethod
    def fresh(cls) -> SealingSecrets:
        """New random parts: the rule for everything but vectors."""
        return cls(X25519PrivateKey.generate(), os.urandom(_KEY_BYTES), os.urandom(12))


def seal(plaintext: bytes, *, typ: str, kid: str, x: bytes, secrets: SealingSecrets | None = None) -> bytes:
    """Encrypt to the X25519 public key ``x`` (32 bytes) named ``kid``: a compact JWE of type ``typ``."""
    secrets = secrets or SealingSecrets.fresh()
    epk = b64(secrets.ephemeral.public_key().public_bytes_raw()).decode()
    header = {
        "alg": JWE_ALG,
        "enc": JWE_ENC,
        "typ": typ,
        "kid": kid,
        "epk": {"kty": "OKP", "crv": "X25519", "x": epk},
    }
    protected = b64(_dumps(header))
    wrapping_key = _derive(secrets.ephemeral, X25519PublicKey.from_public_bytes(x))
    sealed = AESGCM(secrets.content_key).encrypt(secrets.iv, plaintext, protected)
    parts = (aes_key_wrap(wrapping_key, secrets.content_key), secrets.iv, sealed[:-16], sealed[-16:])
    return b".".join((protected, *(b64(part) for part in parts)))


def parse_sealed(value: bytes, *, typ: str, max_protected: int) -> Sealed:
    """Take a compact JWE apart; no cryptography yet.

    Raises:
        Malformed: anything but the pinned form.
    """
    parts = value.split(b".", 5)
    if len(parts) != 5:
        raise Malformed("parts")
    protected, encrypted_key, iv, ciphertext, tag = parts
    lengths = (len(encrypted_key), len(iv), len(tag))
    if lengths != (_ENCODED["encrypted_key"], _ENCODED["iv"], _ENCODED["tag"]):
        raise Malformed("lengths")
    header = parse_header(protected, members=_JWE_MEMBERS, max_protected=max_protected)
    if (header["alg"], header["enc"], header["typ"]) != (JWE_ALG, JWE_ENC, typ):
        raise Malformed("algorithms")
    epk = header["epk"]
    if not (isinstance(epk, dict) and epk.keys() == {"kty", "crv", "x"} and isinstance(epk["x"], str)):
        raise Malformed("epk")
    if (epk["kty"], epk["crv"]) != ("OKP", "X25519") or len(epk["x"]) != 43:
        raise Malformed("epk")
    ephemeral = unb64(epk["x"].encode("utf-8", "replace"))
    return Sealed(header["kid"], protected, ephemeral, unb64(encrypted_key), unb64(iv), unb64(ciphertext), unb64(tag))


def unseal(sealed: Sealed, private: X25519PrivateKey) -> bytes:
    """Decrypt.

    Raises:
        Undecryptable: altered, cut, or sealed to another key (RFC 7516 section 11.5: one answer for all).
    """
    try:
        wrapping_key = _derive(private, X25519PublicKey.from_public_bytes(sealed.ephemeral))
        content_key = aes_key_unwrap(wrapping_key, sealed.encrypted_key)
        return AESGCM(content_key).decrypt(sealed.iv, sealed.ciphertext + sealed.tag, sealed.protected)
    except (InvalidUnwrap, InvalidTag, ValueError):
        raise Undecryptable("decryption") from None


class Signs(Protocol):
    """A private Ed25519 key, or whatever signs with one (keys/signer.py)."""

    def sign(self, data: bytes) -> bytes:
        """The signature, 64 bytes."""


def sign(payload: bytes, header: Mapping[str, object], key: Signs) -> bytes:
    """A compact JWS; ``header`` must hold ``kid`` and ``typ``, ``alg`` is added."""
    signing_input = signing_input_of(payload, header)
    return signing_input + b"." + b64(key.sign(signing_input))


def signing_input_of(payload: bytes, header: Mapping[str, object]) -> bytes:
    """What is signed (RFC 7515 section 5.1), for keys that sign elsewhere."""
    return b64(_dumps({"alg": JWS_ALG, **header})) + b"." + b64(payload)


def parse_signed(value: bytes, *, typ: str, members: frozenset[str] = frozenset(), max_protected: int) -> Signed:
    """Take a compact JWS apart; the signature is not verified yet.

    Args:
        value: the serialization.
        typ: the only type accepted.
        members: header members that must be there besides ``alg``, ``kid`` and ``typ``; no others may be.
        max_protected: bytes of the encoded header.

    Raises:
        Malformed: anything but the pinned form.
    """
    parts = value.split(b".", 3)
    if len(parts) != 3 or len(parts[2]) != _ENCODED["signature"]:
        raise Malformed("parts")
    header = parse_header(parts[0], members=members | {"alg", "kid", "typ"}, max_protected=max_protected)
    if (header["alg"], header["typ"]) != (JWS_ALG, typ):
        raise Malformed("algorithms")
    signing_input = value[: len(parts[0]) + 1 + len(parts[1])]
    return Signed(header, signing_input, parts[1], unb64(parts[2]))


def verify(signed: Signed, x: bytes) -> bool:
    """Whether the Ed25519 public key ``x`` (32 bytes) made the signature."""
    try:
        Ed25519PublicKey.from_public_bytes(x).verify(signed.signature, signed.signing_input)
    except (InvalidSignature, ValueError):
        return False
    return True


def parse_header(protected: bytes, *, members: frozenset[str], max_protected: int) -> dict[str, Any]:
    """The protected header: a JSON object of exactly ``members``, none twice, ``kid`` a thumbprint."""
    if len(protected) > max_protected:
        raise Malformed("header size")
    try:
        header = json.loads(unb64(protected).decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise Malformed("header") from None
    if not isinstance(header, dict) or header.keys() != members:
        raise Malformed("header members")
    if not (isinstance(header["kid"], str) and KID.fullmatch(header["kid"])):
        raise Malformed("kid")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("duplicate member")
    return members


def _derive(private: X25519PrivateKey, public: X25519PublicKey) -> bytes:
    """The key that wraps the content key: ECDH-ES with the Concat KDF (RFC 7518 section 4.6)."""
    return ConcatKDFHash(SHA256(), _KEY_BYTES, _OTHER_INFO).derive(private.exchange(public))


def _dumps(header: Mapping[str, object]) -> bytes:
    return json.dumps(header, separators=(",", ":")).encode()
