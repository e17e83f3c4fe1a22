"""Every collection's indexes, made in one place: by ``dangan init``, and by a restore in its new database."""

from __future__ import annotations

from typing import Final

from store import (
    applications,
    archive_index,
    attachments,
    codes,
    consents,
    freezes,
    ingest_keys,
    intakes,
    ledger,
    notices,
    pages,
    papers,
    principals,
    proposals,
    read_counts,
    records,
    registers,
    requests,
    retention,
    shares,
    sweeps,
    ties,
)
from store.database import Database

_MODULES: Final = (
    freezes, records, pages, ledger, sweeps, ingest_keys, principals, attachments, notices, proposals, codes,
    archive_index, papers, intakes, ties, applications, consents, read_counts, registers, retention,
    shares,
)  # fmt: skip


async def ensure(database: Database, *, keep_requests_seconds: int | None = None) -> None:
    """Create all indexes; repeatable.

    Args:
        database: where.
        keep_requests_seconds: how long access requests are remembered, against replays; None leaves that as it is.
    """
    for module in _MODULES:
        await module.ensure_indexes(database)
    if keep_requests_seconds is not None:
        await requests.ensure_indexes(database, keep_seconds=keep_requests_seconds)
