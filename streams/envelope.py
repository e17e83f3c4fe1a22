"""Sealed bundles: a signed list of commands, encrypted to an ingest key.

```
Kafka headers   CloudEvents: who says to have sent what, in clear, believed only after the signature
Kafka value     compact JWE to the ingest key            confidential: only a worker can open it
  plaintext     compact JWS by the sender's key          authentic: only the sender can have written it
    payload     {"commands": [...]}                      parsed by streams/bundle.py
```

The signature covers the bundle's id (``bid``, the CloudEvents id), the time of signing (``iat``) and the
ingest key it was sealed to (``aud``), so that nobody who can open a bundle can seal it again to another
archive. The checks run from cheap to dear, and each has its own code; docs/wire.md lists them in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from keys.okp import PublicIngestKey
from keys.signer import Signer
from schemas import wire
from schemas.errors import UnreadableMessage
from schemas.principals import PublicKey
from schemas.wire import Family, WireLimits
from streams import compact

Headers = Mapping[str, bytes] | Sequence[tuple[str, bytes]]

_BUNDLE_MEMBERS = frozenset({"iat", "bid", "aud"})
_MAX_TIME = 1 << 53
_OWN = frozenset({wire.HEADER_CONTENT_TYPE, wire.HEADER_INSTANCE})


@dataclass(frozen=True, slots=True)
class OpenedBundle:
    """A bundle whose seal and signature hold.

    Attributes:
        sender: the verified sender's principal id.
        bundle_id: the CloudEvents id, a UUID.
        payload: the JSON as the sender signed it; not parsed yet.
        kid_ingest: the ingest key it was sealed to.
        kid_sender: the key that signed.
        iat: when it was signed, UNIX seconds.
        instance: the place that the message says it comes from; not signed.
    """

    sender: str
    bundle_id: str
    payload: bytes = field(repr=False)
    kid_ingest: str
    kid_sender: str
    iat: int
    instance: str | None = None


def seal_bundle(
    payload: bytes,
    *,
    signing_key: Signer,
    ingest_key: PublicIngestKey,
    bundle_id: str,
    iat: int,
    secrets: compact.SealingSecrets | None = None,
) -> bytes:
    """Sign and encrypt a bundle: the Kafka value.

    Args:
        payload: the JSON ``{"commands": [...]}``, UTF-8.
        signing_key: the sender's.
        ingest_key: the archive's current one (streams/announce.py).
        bundle_id: a lower-case UUID; the ``ce_id`` header must be the same.
        iat: the time of signing, UNIX seconds.
        secrets: given by the test vectors only.
    """
    header = {
        "kid": signing_key.kid,
        "typ": wire.TYP_BUNDLE_JWS,
        "iat": iat,
        "bid": bundle_id,
        "aud": ingest_key.kid,
    }
    signed = compact.sign(payload, header, signing_key)
    return compact.seal(signed, typ=wire.TYP_BUNDLE_JWE, kid=ingest_key.kid, x=ingest_key.x, secrets=secrets)


def bundle_headers(
    family: Family, *, sender: str, bundle_id: str, time: str, instance: str | None = None
) -> list[tuple[str, bytes]]:
    """The Kafka headers of a bundle; ``time`` is RFC 3339 in UTC, ``instance`` 32 hex digits."""
    place = [(wire.HEADER_INSTANCE, instance.encode())] if instance is not None else []
    return [
        (wire.HEADER_CONTENT_TYPE, wire.CONTENT_TYPE.encode()),
        (wire.HEADER_SPECVERSION, wire.SPECVERSION.encode()),
        (wire.HEADER_ID, bundle_id.encode()),
        (wire.HEADER_TYPE, wire.type_of(family).encode()),
        (wire.HEADER_SOURCE, sender.encode()),
        (wire.HEADER_TIME, time.encode()),
        *place,
    ]


def open_bundle(
    value: bytes | None,
    *,
    headers: Headers | None,
    family: Family,
    ingest_private: Callable[[str], X25519PrivateKey | None],
    sender_key: Callable[[str], tuple[str, PublicKey] | None],
    now: float,
    limits: WireLimits,
    read_at: float | None = None,
) -> OpenedBundle:
    """Check, decrypt and verify one Kafka message.

    Args:
        value: the Kafka value; None is what Kafka calls a tombstone.
        headers: the Kafka headers.
        family: the family whose topic it came on.
        ingest_private: the ingest key of an id, or None if it is unknown or destroyed.
        sender_key: principal id and signing key registered under a key id, or None.
        now: UNIX seconds. Use the broker's append time of the message, so that a redelivery is judged as
            the first delivery was and a backlog does not make bundles too old.
        limits: sizes and times.
        read_at: UNIX seconds by the reader's own clock; a key revoked by then is refused, although it may have
            been good when the broker took the message. None stands for ``now``.

    Raises:
        UnreadableMessage: DG-WIR-001 to 009, 013, 014 and 015. Never anything else, whatever the bytes.
    """
    cloud_event = _check_headers(headers, family)
    value = value or b""
    if len(value) > limits.max_value:
        raise UnreadableMessage("DG-WIR-002", detail=f"{len(value)} bytes, at most {limits.max_value}")
    try:
        sealed = compact.parse_sealed(value, typ=wire.TYP_BUNDLE_JWE, max_protected=wire.MAX_PROTECTED)
    except compact.Malformed as error:
        raise UnreadableMessage("DG-WIR-003", detail=str(error)) from None
    private = ingest_private(sealed.kid)
    if private is None:
        raise UnreadableMessage("DG-WIR-004")
    try:
        plaintext = compact.unseal(sealed, private)
    except compact.Undecryptable:
        raise UnreadableMessage("DG-WIR-005") from None
    revoked_by = now if read_at is None else max(now, read_at)
    return _verified(
        plaintext, sealed.kid, cloud_event, sender_key=sender_key, now=now, revoked_by=revoked_by, limits=limits
    )


def _verified(
    plaintext: bytes,
    kid_ingest: str,
    cloud_event: _CloudEvent,
    *,
    sender_key: Callable[[str], tuple[str, PublicKey] | None],
    now: float,
    revoked_by: float,
    limits: WireLimits,
) -> OpenedBundle:
    try:
        signed = compact.parse_signed(
            plaintext, typ=wire.TYP_BUNDLE_JWS, members=_BUNDLE_MEMBERS, max_protected=wire.MAX_PROTECTED
        )
        iat, bundle_id = signed.header["iat"], signed.header["bid"]
        payload = signed.payload()
    except compact.Malformed as error:
        raise UnreadableMessage("DG-WIR-006", detail=str(error)) from None
    if type(iat) is not int or not 0 <= iat < _MAX_TIME or signed.header["aud"] != kid_ingest:
        raise UnreadableMessage("DG-WIR-006", detail="header members")
    sender = sender_key(signed.kid)
    if sender is None:
        raise UnreadableMessage("DG-WIR-007")
    principal, key = sender
    if not _may_sign(key, iat, revoked_by):
        raise UnreadableMessage("DG-WIR-009")
    if not now - limits.max_age <= iat <= now + limits.max_ahead:
        raise UnreadableMessage("DG-WIR-013")
    if bundle_id != cloud_event.id:
        raise UnreadableMessage("DG-WIR-015", field=wire.HEADER_ID, detail="not the signed bundle id")
    if principal != cloud_event.source:
        raise UnreadableMessage("DG-WIR-015", field=wire.HEADER_SOURCE, detail="not the signer's principal")
    if not compact.verify(signed, key.x):
        raise UnreadableMessage("DG-WIR-008")
    return OpenedBundle(principal, bundle_id, payload, kid_ingest, signed.kid, iat, cloud_event.instance)


def _may_sign(key: PublicKey, iat: int, revoked_by: float) -> bool:
    """Valid when it signed, and not revoked by then: a thief of a revoked key can choose ``iat``."""
    revoked = key.revoked_at is not None and revoked_by >= key.revoked_at
    return key.not_before <= iat < key.not_after and not revoked


@dataclass(frozen=True, slots=True)
class _CloudEvent:
    id: str
    source: str
    instance: str | None


def _check_headers(headers: Headers | None, family: Family) -> _CloudEvent:
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers or ())
    if len(pairs) > wire.MAX_HEADERS:
        raise UnreadableMessage("DG-WIR-015", detail="too many headers")
    named: dict[str, str] = {}
    for name, raw in pairs:
        if name not in _OWN and not name.startswith("ce_"):
            continue
        if name in named or raw is None or len(raw) > wire.MAX_HEADER_BYTES or not raw.isascii():
            raise UnreadableMessage("DG-WIR-015", detail="repeated, empty, long or not ASCII")
        named[name] = raw.decode("ascii")
    if named.get(wire.HEADER_CONTENT_TYPE) != wire.CONTENT_TYPE:
        raise UnreadableMessage("DG-WIR-001")
    if named.get(wire.HEADER_SPECVERSION) != wire.SPECVERSION:
        raise UnreadableMessage("DG-WIR-015", field=wire.HEADER_SPECVERSION)
    for name, pattern in (
        (wire.HEADER_ID, wire.UUID),
        (wire.HEADER_SOURCE, wire.PRINCIPAL),
        (wire.HEADER_TIME, wire.RFC3339),
    ):
        if not pattern.fullmatch(named.get(name, "")):
            raise UnreadableMessage("DG-WIR-015", field=name)
    declared = named.get(wire.HEADER_TYPE)
    if declared != wire.type_of(family):
        other = declared in {wire.type_of(each) for each in wire.FAMILIES}
        raise UnreadableMessage("DG-WIR-014" if other else "DG-WIR-015", field=wire.HEADER_TYPE)
    instance = named.get(wire.HEADER_INSTANCE)
    if instance is not None and not wire.INSTANCE.fullmatch(instance):
        raise UnreadableMessage("DG-WIR-015", field=wire.HEADER_INSTANCE)
    return _CloudEvent(named[wire.HEADER_ID], named[wire.HEADER_SOURCE], instance)
