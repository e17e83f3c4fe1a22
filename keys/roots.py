"""The names of the keys that Vault's transit engine holds for dangan: in one place, nowhere else.

| key | type | what it does | trimmed |
| --- | --- | --- | --- |
| ``dangan-core``, ``-sensitive``, ``-basic`` | aes256-gcm96 | wrap the page keys of a level | by the sweep |
| ``dangan-ingest`` | aes256-gcm96 | wraps ingest private keys | by the sweep |
| ``dangan-sealed`` | aes256-gcm96 | wraps the page keys of sealed (封存) records | by the sweep |
| ``dangan-backups`` | aes256-gcm96 | wraps the data keys of sealed backups | no |
| ``dangan-index-FIELD-eN`` | hmac | blind index of a field, epoch N | no: deleted with its epoch |
| ``dangan-watermarks`` | hmac | gives the keys of watermarks, pseudonyms, places in bulk reads | no |
| ``dangan-certificates``, ``-announcements``, ``-writers``, ``-registrations``, ``-grants`` | ed25519 | sign | no |
"""

from __future__ import annotations

from typing import Final

from schemas.levels import Level

INGEST_ROOT: Final = "dangan-ingest"
SEALED_ROOT: Final = "dangan-sealed"
BACKUP_ROOT: Final = "dangan-backups"

#: Sign destruction certificates, announcements of ingest keys, the keys of audit writers, registrations, and grants.
CERTIFICATES_KEY: Final = "dangan-certificates"
ANNOUNCEMENTS_KEY: Final = "dangan-announcements"
WRITERS_KEY: Final = "dangan-writers"
REGISTRATIONS_KEY: Final = "dangan-registrations"
GRANTS_KEY: Final = "dangan-grants"
SIGNING_KEYS: Final = (CERTIFICATES_KEY, ANNOUNCEMENTS_KEY, WRITERS_KEY, REGISTRATIONS_KEY, GRANTS_KEY)

#: Gives workers the key of the watermarks that answers carry (keys/watermark.py).
WATERMARKS_KEY: Final = "dangan-watermarks"

_ROOTS: Final = {level: f"dangan-{level.value}" for level in Level}
#: Every key that wraps: one for each level, one for ingest keys, one for sealed records, one for backups.
WRAPPING_ROOTS: Final = (*_ROOTS.values(), INGEST_ROOT, SEALED_ROOT, BACKUP_ROOT)


def root_of(level: Level) -> str:
    """The root that wraps the page keys of a level."""
    return _ROOTS[level]


def index_key(field: str, epoch: int) -> str:
    """The HMAC key of a field's blind index in an epoch (1 to 255)."""
    return f"dangan-index-{field}-e{epoch}"
