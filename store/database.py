"""The MongoDB connection: every write majority-acknowledged and journaled, every read from the primary.

The driver is pymongo's ``AsyncMongoClient`` (Motor's successor, docs/adr/0001).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ExecutionTimeout,
    NetworkTimeout,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern

from schemas.errors import Transient

#: What a driver error must be for a retry to have a chance.
TRANSIENT = (AutoReconnect, NetworkTimeout, ServerSelectionTimeoutError, ExecutionTimeout, WTimeoutError)

#: Any error of the driver.
DriverError = PyMongoError

_DUPLICATE_KEY = 11000
_IDS_AT_ONCE = 50

Document = dict[str, Any]
Database = AsyncDatabase[Document]
T = TypeVar("T")


def in_parts(ids: Collection[T]) -> Iterator[list[T]]:
    """Some ids at a time: the embedded store tests each document against every id of a list."""
    every = list(ids)
    for start in range(0, len(every), _IDS_AT_ONCE):
        yield every[start : start + _IDS_AT_ONCE]


def taken(error: BulkWriteError) -> list[int]:
    """The positions of the documents whose ``_id`` or unique key was taken, when an insert met nothing worse.

    Raises:
        Transient: DG-STO-001 when the write is not known to be durable: the error has no other sign of it.
        BulkWriteError: the error itself, for any other failure.
    """
    details = error.details or {}
    if details.get("writeConcernErrors"):
        raise Transient("DG-STO-001", detail="not acknowledged by a majority") from error
    problems = details.get("writeErrors", [])
    if any(problem["code"] != _DUPLICATE_KEY for problem in problems):
        raise error
    return [problem["index"] for problem in problems]


@asynccontextmanager
async def connect(uri: str, name: str, *, timeout_ms: int = 5000) -> AsyncIterator[Database]:
    """Open the database; close the client at the end.

    Args:
        uri: a MongoDB connection string.
        name: the database's name.
        timeout_ms: how long to wait for a server before a transient error.
    """
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        uri,
        serverSelectionTimeoutMS=timeout_ms,
        connectTimeoutMS=timeout_ms,
        socketTimeoutMS=4 * timeout_ms,
        retryWrites=False,  # our own retries know what was applied; the driver's would hide it
        appname="dangan",
    )
    try:
        # Closed while its monitor is still connecting, the driver forgets to close that socket.
        await client.admin.command("ping")
        yield client.get_database(
            name,
            write_concern=WriteConcern("majority", j=True),
            read_concern=ReadConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        )
    finally:
        await client.close()
