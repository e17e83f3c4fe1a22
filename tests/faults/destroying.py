"""A process that destroys and is killed: forget, sweep, certificates. Run as ``python -m tests.faults.destroying``."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from keys.vault import transit_of
from ops.config import load_settings
from ops.destruction import Destruction
from ops.private_files import private
from store.database import connect
from store.ingest_keys import IngestKeys
from tests.simulators.orders import approved

#: What it writes once it is connected.
READY = "ready"


async def destroy(home: Path, records: list[str]) -> None:
    """Destroy the records; what an earlier process left unfinished first comes to its end by that."""
    settings = load_settings(home, {})
    async with (
        connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database,
        transit_of(settings, private(settings.token_file("sweeper"))) as transit,
    ):
        work = Destruction(settings, database, transit)
        print(READY, flush=True)
        now = int(time.time())
        for start in range(0, len(records), 10):
            part = records[start : start + 10]
            await work.forgetter.forget(part, approved(*part, at=now), at=now)
        await work.sweep(drained=await IngestKeys(database).live_kids(), force=True)


if __name__ == "__main__":
    asyncio.run(destroy(Path(sys.argv[1]), sys.argv[2:]))
