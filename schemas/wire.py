"""The wire's fixed words and limits: topics, headers, media types, sizes, times (docs/wire.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from schemas import topics

Family = Literal["collect", "update", "access", "destroy", "approve"]
FAMILIES: Final[tuple[Family, ...]] = ("collect", "update", "access", "destroy", "approve")
#: Which family, and so which topic, takes which type of command.
FAMILY_OF: Final[Mapping[str, Family]] = MappingProxyType(
    {
        "collect": "collect",
        "attach": "collect",
        "withdraw": "collect",
        "update": "update",
        "propose": "update",
        "access": "access",
        "browse": "access",
        "search": "access",
        "apply": "access",
        "give_back": "access",
        "destroy": "destroy",
        "seal": "destroy",
        "unseal": "destroy",
        "review": "approve",
        "hand_over": "approve",
        "confirm": "approve",
        "merge": "approve",
        "unmerge": "approve",
        "decide": "approve",
        "endorse": "approve",
        "share": "approve",
        "endorse_share": "approve",
        "deliver": "approve",
        "acknowledge": "approve",
        "recall_share": "approve",
        "confirm_deletion": "approve",
        "report": "approve",
        "contain": "approve",
    }
)

TOPIC_REPLIES: Final = topics.REPLIES
TOPIC_DEAD_LETTERS: Final = topics.DEAD_LETTERS
TOPIC_AUDIT: Final = topics.AUDIT
TOPIC_ALERTS: Final = topics.ALERTS
TOPIC_KEYS: Final = topics.KEYS

# --- Kafka headers: CloudEvents 1.0, binary content mode. Never personal data: Kafka keeps them in clear.
HEADER_CONTENT_TYPE: Final = "content-type"
HEADER_SPECVERSION: Final = "ce_specversion"
HEADER_ID: Final = "ce_id"
HEADER_TYPE: Final = "ce_type"
HEADER_SOURCE: Final = "ce_source"
HEADER_SUBJECT: Final = "ce_subject"
HEADER_TIME: Final = "ce_time"
#: Optional: the place that the sender's message says it comes from (clause SEC-08).
HEADER_INSTANCE: Final = "dg_instance"
#: Of a dead letter: why, where it stood, and of a value that is not kept its bytes and their SHA-256 in hex.
HEADER_CODE: Final = "dg_code"
HEADER_PLACE: Final = "dg_place"
HEADER_SIZE: Final = "dg_size"
HEADER_SHA256: Final = "dg_sha256"
CONTENT_TYPE: Final = "application/jose"
SPECVERSION: Final = "1.0"
REPLY_TYPE: Final = "archive.reply.v1"
ARCHIVE_SOURCE: Final = "archive"
#: At most this many headers, none longer than this many bytes, are looked at.
MAX_HEADERS: Final = 32
MAX_HEADER_BYTES: Final = 256

# --- JOSE: every algorithm is pinned; ``typ`` keeps one kind of signature from passing for another.
JWE_ALG: Final = "ECDH-ES+A256KW"
JWE_ENC: Final = "A256GCM"
JWS_ALG: Final = "Ed25519"
TYP_BUNDLE_JWE: Final = "dangan+jwe"
TYP_BUNDLE_JWS: Final = "dangan+jws"
TYP_REPLY_JWE: Final = "dangan-reply+jwe"
TYP_REPLY_JWS: Final = "dangan-reply+jws"
TYP_WRITER: Final = "dangan-writer+jws"
TYP_ANNOUNCEMENT: Final = "dangan-key+jws"

# --- Patterns (full match)
UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
KID: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # an RFC 7638 SHA-256 thumbprint
PRINCIPAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{2,63}")
INSTANCE: Final = re.compile(r"[0-9a-f]{32}")
RFC3339: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})")


@dataclass(frozen=True, slots=True)
class WireLimits:
    """What a receiver takes at most.

    Attributes:
        max_value: bytes of one sealed value (Kafka's ``message.max.bytes`` must allow it).
        max_age: seconds from signing (``iat``) to arrival.
        max_ahead: seconds that a sender's clock may be ahead.
    """

    max_value: int = 1 << 20
    max_age: int = 7 * 24 * 3600
    max_ahead: int = 300


#: Bytes of one protected header, base64url-encoded. A reply's carries the writer's certificate.
MAX_PROTECTED: Final = 1024
MAX_REPLY_PROTECTED: Final = 3072

# --- What the publisher makes of many commands
BUNDLE_COMMANDS: Final = 50
BUNDLE_BYTES: Final = 512 * 1024  # of the JSON; sealing makes it 16/9 as long
BUNDLE_LINGER: Final = 0.020  # seconds


def topic_of(family: Family) -> str:
    """The topic that takes the family's bundles."""
    return f"archive.{family}"


def type_of(family: Family) -> str:
    """The ``ce_type`` of the family's bundles."""
    return f"archive.{family}.v1"
