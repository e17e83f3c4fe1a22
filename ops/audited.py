"""What operators do is audited like everything else: the event first, then the deed.

A crash in between leaves an event of something that did not happen, never a deed without an event.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypedDict, Unpack

from keys.vault import Transit, transit_of
from ops.private_files import private
from schemas.audit import Action, Fact, Verb
from schemas.digests import stored_digest
from schemas.errors import DanganError
from schemas.settings import Settings
from schemas.wire import TOPIC_AUDIT
from store.checkpoints import Checkpoints
from store.database import Database, connect
from streams.audit.kafka import kafka_log
from streams.audit.publisher import AuditPublisher
from streams.kafka import kafka_of
from streams.writer import new_writer

__all__ = ["CONSOLE", "Desk", "Said", "desk", "stored_digest"]

#: Who the events name when no operator is named.
CONSOLE = "ops:console"


class Said(TypedDict, total=False):
    """More that an operator's event may say (schemas.audit.Fact)."""

    reader: str
    purpose: str
    fields: tuple[str, ...]
    clear: tuple[str, ...]
    roles: tuple[str, ...]
    approvers: tuple[str, ...]
    digest: str
    version: int
    book: str


@dataclass(frozen=True, slots=True)
class Desk:
    """An operator's connections: database, Vault, and the audit stream."""

    settings: Settings
    database: Database
    transit: Transit
    audit: AuditPublisher
    operator: str

    async def record(
        self,
        action: Action,
        *,
        verb: Verb | None = None,
        record: str | None = None,
        grant: str | None = None,
        code: str | None = None,
        **said: Unpack[Said],
    ) -> str:
        """Make the event of an act durable; return the act's id.

        Args:
            action: what is about to be done.
            verb: which deed exactly.
            record: the record, or whatever else it is done to: an opaque reference.
            grant: a grant's id.
            code: the code of the failure, if it was tried and failed.
            said: what else the event says.
        """
        act = str(uuid.uuid4())
        now_ms = int(time.time() * 1000)
        fact = Fact(
            act, action, code is None, code, self.operator, now_ms, record=record, grant=grant, verb=verb, **said
        )
        await self.audit.publish([fact])
        return act

    @asynccontextmanager
    async def attempt(self, action: Action, *, record: str | None = None) -> AsyncIterator[Said]:
        """Record that something long begins, and how it ended: done, or failed with a code.

        Where the process dies there is a beginning without an end.

        Yields:
            What the event of the end says besides; to be filled in.
        """
        await self.record(action, verb="begin", record=record)
        said = Said()
        try:
            yield said
        except DanganError as error:
            with suppress(DanganError):  # the first error is the one to tell
                await self.record(action, verb="fail", record=record, code=error.code)
            raise
        await self.record(action, verb="finish", record=record, **said)


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
        transit_of(settings, private(settings.token_file(role))) as transit,
    ):
        writer = await new_writer(transit, "ops", time.time())
        log = kafka_log(kafka_of(settings), TOPIC_AUDIT, writer.id)
        checkpoints = Checkpoints(database)
        async with AuditPublisher(log, writer, checkpoints.save, clock=time.time) as audit:
            yield Desk(settings, database, transit, audit, operator)
