"""What every row runs on: the three real services in a folder of their own, one sending system, one grant."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from keys.okp import PublicIngestKey, ReceivingKey, SigningKey
from ops.embedded.stack import Stack
from ops.provision import provision
from schemas.levels import Level
from schemas.principals import Grant, Principal, PublicKey
from schemas.settings import Settings
from schemas.trust import Trust
from store.database import Database, connect
from store.ingest_keys import IngestKeys
from store.principals import Grants, Principals

SENDER: Final = "sys:bench"
GRANT: Final = "grant-bench"


@dataclass(frozen=True, slots=True)
class Scene:
    """One installation with everything on, and the keys of the system that sends.

    Attributes:
        database: the worker's own database, for looking at what it stored.
        ingest_key: what bundles are sealed to.
    """

    stack: Stack
    settings: Settings
    trust: Trust
    database: Database
    ingest_key: PublicIngestKey
    signing_key: SigningKey = field(repr=False)
    receiving_key: ReceivingKey = field(repr=False)


@asynccontextmanager
async def scene(home: Path) -> AsyncIterator[Scene]:
    """Start the services in ``home``, register the sender and its grant; stop the services at the end."""
    with Stack.start(home) as stack:
        settings = stack.settings
        trust = await provision(settings)
        signing, receiving = SigningKey.generate(), ReceivingKey.generate()
        now = int(time.time())
        async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
            await Principals(database).put(_sender(signing, receiving, now))
            await Grants(database).put(_grant(now))
            newest = (await IngestKeys(database).living())[0]
            ingest = PublicIngestKey(newest.kid, newest.public)
            yield Scene(stack, settings, trust, database, ingest, signing, receiving)


def _sender(signing: SigningKey, receiving: ReceivingKey, now: int) -> Principal:
    valid = (now - 10, now + 7 * 24 * 3600)
    return Principal(
        SENDER,
        "system",
        frozenset({"collector", "reader", "editor"}),
        "retail",
        Level.CORE,
        (PublicKey(signing.kid, signing.x, *valid),),
        (PublicKey(receiving.kid, receiving.x, *valid),),
    )


def _grant(now: int) -> Grant:
    everything = frozenset({"*"})
    return Grant(
        GRANT, SENDER, everything, everything, frozenset({"name"}), "account_service", now - 5, now + 7 * 24 * 3600
    )
