"""What operators do is audited like everything else: the event first, then the deed.

A crash in between leaves an event of something that did not happen, never a deed without an event.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from keys.vault import Transit
from schemas.audit import Action, Fact
from schemas.settings import Settings
from schemas.wire import TOPIC_AUDIT
from store.checkpoints import Checkpoints
from store.database import Database, connect
from streams.audit.kafka import kafka_log
from streams.audit.publisher import AuditPublisher
from streams.writer import new_writer

#: Who the events name when no operator is named.
CONSOLE = "ops:console"


@dataclass(frozen=True, slots=True)
class Desk:
    """An operator's connections: database, Vault, and the audit stream."""

    settings: Settings
    database: Database
    transit: Transit
    audit: AuditPublisher
    operator: str

    async def record(self, action: Action, *, record: str | None = None, grant: str | None = None) -> str:
        """Make the event of an act durable; return the act's id."""
        act = str(uuid.uuid4())
        now_ms = int(time.time() * 1000)
        await self.audit.publish([Fact(act, action, True, None, self.operator, now_ms, record=record, grant=grant)])
        return act


@asynccontextmanager
async def desk(settings: Settings, *, role: str = "admin", operator: str = CONSOLE) -> AsyncIterator[Desk]:
    """Connect an operator; everything is closed at the end.

    Args:
        settings: where the services are.
        role: the Vault role whose token is used.
        operator: the principal id that the events name.
    """
    async with (
        connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database,
        Transit(settings.vault_addr, settings.token_file(role), mount=settings.transit_mount) as transit,
    ):
        writer = await new_writer(transit, "ops", time.time())
        log = kafka_log(settings.kafka_bootstrap, TOPIC_AUDIT, writer.id)
        checkpoints = Checkpoints(database)
        async with AuditPublisher(log, writer, checkpoints.save, clock=time.time) as audit:
            yield Desk(settings, database, transit, audit, operator)
