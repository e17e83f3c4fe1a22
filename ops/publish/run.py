"""Publishes a table's rows and writes down each answer, in the rows' order."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from ops.publish.mapping import RowMapper
from ops.publish.reading import Cell, Row, Table
from ops.publish.results import Line, ResultFile
from schemas.errors import DanganError
from schemas.locales import of_environment
from schemas.members import MAX_TEXT
from streams.bundle import check_command
from streams.receipts import Receipt

#: How many rows may be under way: bounds memory, not speed (40 bundles to each of some partitions).
_WINDOW: Final = 4_000
#: After so many rows in a row without an answer nothing more is sent: the archive is away, not one row wrong.
_PATIENCE: Final = 500
#: What the publisher finds wrong with a command before it is sent; any other error is about the way or the archive.
_OF_THE_ROW: Final = frozenset({"DG-WIR-002", "DG-WIR-011"})
_PLACE: Final = re.compile(r"collect\.((?:consent|intake)(?:\.[a-z_0-9]+)*)")


class Sender(Protocol):
    """The part of streams/publisher.py that is needed here."""

    async def publish(self, kind: str, parts: Mapping[str, Any], command_id: str | None = None) -> Receipt:
        """Hand a command over."""


@dataclass(frozen=True, slots=True)
class _Pending:
    row: int
    record: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class _Settled:
    status: str


_Item = _Pending | _Settled | Line


def check_rows(table: Table, mapper: RowMapper, results: ResultFile, on_row: Callable[[], None]) -> None:
    """Check every row as the archive's opener would, and send nothing (``--dry-run``).

    Good rows are counted as ``valid``; the others get their line.
    """
    for row in table:
        command_id = ""
        try:
            command_id, parts = mapper.command(row)
            check_command({"type": "collect", "id": command_id, **parts})
        except DanganError as error:
            results.add(_refused(row, mapper, command_id, error))
        else:
            results.totals["valid"] += 1
        on_row()


async def publish_rows(
    table: Table,
    mapper: RowMapper,
    sender: Sender,
    results: ResultFile,
    on_row: Callable[[], None],
    *,
    patience: int = _PATIENCE,
) -> None:
    """Publish what an earlier run has not settled, and wait for every answer.

    Args:
        table: the rows.
        mapper: makes commands of them.
        sender: an open publisher.
        results: where answers go.
        on_row: called when a row is done with.
        patience: after so many rows in a row without an answer nothing more is sent.

    Raises:
        DanganError: DG-PUB-010 when the archive stopped answering; every row that was sent has its line.
    """
    queue: asyncio.Queue[_Item | None] = asyncio.Queue(_WINDOW)
    away = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_write_down(queue, results, on_row, away, patience))
        for row in table:
            if away.is_set():
                break
            await queue.put(await _hand_over(row, mapper, sender, results))
        await queue.put(None)
    if away.is_set():
        raise DanganError("DG-PUB-010")


async def _hand_over(row: Row, mapper: RowMapper, sender: Sender, results: ResultFile) -> _Item:
    command_id = ""
    try:
        command_id, parts = mapper.command(row)
        known = results.settled(command_id)
        if known is not None:
            return _Settled(known)
        return _Pending(row.number, parts["record"], await sender.publish("collect", parts, command_id))
    except DanganError as error:
        if not command_id or error.code in _OF_THE_ROW:
            return _refused(row, mapper, command_id, error)
        return _line(row.number, parts["record"], command_id, "failed", error)


async def _write_down(
    queue: asyncio.Queue[_Item | None],
    results: ResultFile,
    on_row: Callable[[], None],
    away: asyncio.Event,
    patience: int,
) -> None:
    unanswered = 0
    while (item := await queue.get()) is not None:
        if isinstance(item, _Settled):
            results.keep(item.status)
        else:
            line = await _answer(item) if isinstance(item, _Pending) else item
            results.add(line)
            unanswered = unanswered + 1 if line.status == "failed" else 0
            if unanswered >= patience:
                away.set()
        on_row()


async def _answer(pending: _Pending) -> Line:
    command = pending.receipt.command_id
    try:
        result = await pending.receipt
    except DanganError as error:
        return _line(pending.row, pending.record, command, "failed", error)
    return Line(
        pending.row,
        pending.record,
        command,
        result.status,
        result.code or "",
        result.field or "",
        result.message or "",
        result.next_step or "",
        result.of or "",
    )


def _refused(row: Row, mapper: RowMapper, command_id: str, error: DanganError) -> Line:
    """The line of a row that cannot be a command, with the field that makes it so where one can be told."""
    # A record id that was itself refused might be what it must not be: personal data. So it is not shown.
    line = _line(row.number, "", command_id, "refused", error)
    if line.field or error.code != "DG-WIR-011":
        return line
    named = _PLACE.match(error.detail or "")
    long = (mapper.fields[column] for column, cell in row.cells.items() if column in mapper.fields and _too_large(cell))
    return replace(line, field=named[1] if named else next(long, ""))


def _too_large(cell: Cell) -> bool:
    return len(cell) > MAX_TEXT if isinstance(cell, str) else isinstance(cell, int) and abs(cell) >= 1 << 53


def _line(row: int, record: str, command: str, status: str, error: DanganError) -> Line:
    return Line(row, record, command, status, error.code, error.field or "", *error.told(of_environment(os.environ)))
