"""What a destruction request has to name besides the records that somebody asks for (ARR-13, DES-05)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

from ops.config import default_home, load_settings, settings_file
from schemas.errors import DanganError
from store.database import DriverError, connect
from store.merges import Merges

_TIMEOUT_MS = 2000


def belonging(home: Path | None, records: Collection[str]) -> list[str] | None:
    """The parts of the records and the duplicates that wait beside them, as the store of an installation knows them.

    Returns:
        Their ids, sorted; None when there is no installation here, or its store does not answer: a request may be
        written anywhere, and the archive refuses one that does not name everything.
    """
    if not settings_file((home or default_home()).expanduser()).exists():
        return None

    async def look() -> list[str]:
        settings = load_settings(home)
        uri = settings.mongo_uri.get_secret_value()
        async with connect(uri, settings.mongo_database, timeout_ms=_TIMEOUT_MS) as database:
            return sorted(await Merges(database).unnamed(records))

    try:
        return asyncio.run(look())
    except (DanganError, DriverError):
        return None
