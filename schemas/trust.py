"""The trust file: the archive's public keys that a client, an auditor or a court pins. JSON, no secrets.

```json
{"certificates": [{"kid": "...", "x": "..."}], "announcements": [...], "writers": [...]}
```

One list for each purpose, because a key that may sign announcements must not pass for one that signs
certificates. ``x`` is a raw Ed25519 public key, 32 bytes, base64url without padding (RFC 8037 section 2);
``kid`` is its RFC 7638 thumbprint. A list holds several keys while one is being replaced.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    ValidationError,
)

from schemas.errors import DanganError

Purpose = Literal["certificates", "announcements", "writers"]

_KEY_BYTES = 32


def _raw_key(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    if len(raw) != _KEY_BYTES:
        raise ValueError("not 32 bytes")
    return raw


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class TrustedKey(BaseModel):
    """One public key: its id, and the raw Ed25519 key (32 bytes; base64url in JSON)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kid: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    x: Annotated[bytes, BeforeValidator(_raw_key), PlainSerializer(_encoded, return_type=str)]


class Trust(BaseModel):
    """The keys that are trusted, by purpose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificates: tuple[TrustedKey, ...] = ()
    announcements: tuple[TrustedKey, ...] = ()
    writers: tuple[TrustedKey, ...] = ()

    def key(self, purpose: Purpose, kid: str) -> bytes | None:
        """The raw public key trusted for that purpose under that id, or None."""
        keys: tuple[TrustedKey, ...] = getattr(self, purpose)
        return next((key.x for key in keys if key.kid == kid), None)

    def adding(self, purpose: Purpose, key: TrustedKey) -> Trust:
        """This trust with one key more; unchanged when the purpose holds that key already."""
        keys: tuple[TrustedKey, ...] = getattr(self, purpose)
        return self if key in keys else self.model_copy(update={purpose: (*keys, key)})

    def dump(self) -> str:
        """The trust file's text."""
        return self.model_dump_json(indent=2) + "\n"


def load_trust(text: str | bytes) -> Trust:
    """Read a trust file's text.

    Raises:
        DanganError: DG-CER-005 when it is not a trust file; the detail names the place, never a value.
    """
    try:
        return Trust.model_validate_json(text)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "not JSON"
        raise DanganError("DG-CER-005", detail=where) from None
