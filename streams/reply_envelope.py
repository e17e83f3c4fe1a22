"""Sealed replies: encrypted to the requester's receiving key, signed by a worker the archive vouches for.

The same two layers as a bundle, the other way round. The inner header carries the writer's certificate
(streams/writer.py), so that a requester with the trust file verifies a reply offline; ``aud`` names the
receiving key, so that a requester cannot seal a reply again to somebody else; ``rid`` is the reply's own id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from keys.okp import ReceivingKey
from schemas import wire
from schemas.errors import DanganError
from schemas.principals import PublicKey
from schemas.topics import MAX_MESSAGE_BYTES
from schemas.trust import Trust
from streams import compact
from streams.writer import WriterIdentity, certified_writer

_MEMBERS: Final = frozenset({"iat", "rid", "aud", "wcert"})


@dataclass(frozen=True, slots=True)
class OpenedReply:
    """A reply whose seal, signature and writer hold: its id, the JSON, who wrote it, when."""

    reply_id: str
    payload: bytes = field(repr=False)
    writer: str
    iat: int


def seal_reply(
    payload: bytes,
    *,
    writer: WriterIdentity,
    recipient: PublicKey,
    reply_id: str,
    iat: int,
    secrets: compact.SealingSecrets | None = None,
) -> bytes:
    """Sign and encrypt a reply: the Kafka value.

    Args:
        payload: the reply's JSON.
        writer: this process.
        recipient: the requester's valid X25519 key.
        reply_id: a lower-case UUID; the ``ce_id`` header is the same.
        iat: the time of signing, UNIX seconds.
        secrets: given by the test vectors only.
    """
    header = {
        "kid": writer.key.kid,
        "typ": wire.TYP_REPLY_JWS,
        "iat": iat,
        "rid": reply_id,
        "aud": recipient.kid,
        "wcert": writer.cert,
    }
    signed = compact.sign(payload, header, writer.key.private)
    return compact.seal(signed, typ=wire.TYP_REPLY_JWE, kid=recipient.kid, x=recipient.x, secrets=secrets)


def reply_headers(*, recipient: str, reply_id: str, time: str) -> list[tuple[str, bytes]]:
    """The Kafka headers of a reply; ``recipient`` is a principal id, ``time`` RFC 3339 in UTC."""
    return [
        (wire.HEADER_CONTENT_TYPE, wire.CONTENT_TYPE.encode()),
        (wire.HEADER_SPECVERSION, wire.SPECVERSION.encode()),
        (wire.HEADER_ID, reply_id.encode()),
        (wire.HEADER_TYPE, wire.REPLY_TYPE.encode()),
        (wire.HEADER_SOURCE, wire.ARCHIVE_SOURCE.encode()),
        (wire.HEADER_SUBJECT, recipient.encode()),
        (wire.HEADER_TIME, time.encode()),
    ]


def open_reply(value: bytes, *, key: ReceivingKey, trust: Trust) -> OpenedReply:
    """Decrypt and verify a reply.

    Args:
        value: the Kafka value.
        key: the requester's own.
        trust: holds the public keys of ``dangan-writers``.

    Raises:
        DanganError: DG-WIR-016. Never anything else, whatever the bytes.
    """
    try:
        return _opened(value, key, trust)
    except (compact.Malformed, compact.Undecryptable) as error:
        raise DanganError("DG-WIR-016", detail=str(error)) from None


def _opened(value: bytes, key: ReceivingKey, trust: Trust) -> OpenedReply:
    if len(value) > MAX_MESSAGE_BYTES:
        raise compact.Malformed("size")
    sealed = compact.parse_sealed(value, typ=wire.TYP_REPLY_JWE, max_protected=wire.MAX_PROTECTED)
    if sealed.kid != key.kid:
        raise compact.Malformed("sealed to another key")
    signed = compact.parse_signed(
        compact.unseal(sealed, key.private),
        typ=wire.TYP_REPLY_JWS,
        members=_MEMBERS,
        max_protected=wire.MAX_REPLY_PROTECTED,
    )
    iat, reply_id, cert = (signed.header[member] for member in ("iat", "rid", "wcert"))
    if type(iat) is not int or not isinstance(reply_id, str) or not isinstance(cert, str):
        raise compact.Malformed("header members")
    if signed.header["aud"] != key.kid:
        raise compact.Malformed("meant for another key")
    writer = certified_writer(cert, trust=trust, at=iat)
    if not compact.verify(signed, writer.x):
        raise compact.Malformed("signature")
    return OpenedReply(reply_id, signed.payload(), writer.id, iat)
