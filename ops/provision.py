"""What an installation needs besides services and topics: indexes, a first ingest key, the trust file.

Idempotent: ``dangan up`` and ``dangan init`` run it each time.
"""

from __future__ import annotations

import time
from pathlib import Path

from keys.ingest import State
from keys.okp import thumbprint
from keys.roots import ANNOUNCEMENTS_KEY, CERTIFICATES_KEY, WRITERS_KEY
from keys.vault import Transit, transit_of
from ops.ingest_keys import rotate
from ops.private_files import private, write_private
from schemas.settings import Settings
from schemas.trust import Purpose, Trust, TrustedKey, load_trust
from store import indexes, ingest_keys
from store.database import connect

_SIGNERS: dict[Purpose, str] = {
    "certificates": CERTIFICATES_KEY,
    "announcements": ANNOUNCEMENTS_KEY,
    "writers": WRITERS_KEY,
}
#: The trust file holds public keys.
_PUBLIC = 0o644


def trust_file(settings: Settings) -> Path:
    """Where the installation's trust file lies."""
    return settings.home / "trust.json"


async def provision(settings: Settings, *, now: int | None = None) -> Trust:
    """Bring database, ingest keys and trust file into place; return the trust.

    Args:
        settings: where the services are; the ``admin`` role's token is used.
        now: UNIX seconds, the clock's by default.
    """
    file = trust_file(settings)
    known = load_trust(file.read_bytes()) if file.exists() else Trust()
    moment = int(time.time()) if now is None else now
    async with (
        connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database,
        transit_of(settings, private(settings.token_file("admin"))) as transit,
    ):
        await indexes.ensure(database, keep_requests_seconds=2 * settings.max_bundle_age_seconds)
        keys = ingest_keys.IngestKeys(database)
        if not any(key.state is State.ACTIVE and key.seal_until > moment for key in await keys.living()):
            await rotate(settings, transit, keys, now=moment)
        trust = await _trust(transit, known)
    write_private(file, trust.dump(), mode=_PUBLIC)  # senders read it, maybe now
    return trust


async def _trust(transit: Transit, trust: Trust) -> Trust:
    for purpose, name in _SIGNERS.items():
        x = await transit.public_key(name)
        trust = trust.adding(purpose, TrustedKey(kid=thumbprint("Ed25519", x), x=x))
    return trust
