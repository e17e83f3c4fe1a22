"""Publishes a table's rows and writes down each answer, in the rows' order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ops.publish.mapping import RowMapper
from ops.publish.reading import Row, Table
from ops.publish.results import Line, ResultFile
from schemas.errors import DanganError
from streams.bundle import check_command
from streams.receipts import Receipt

#: How many rows may wait to be written down: bounds memory, not speed.
_WINDOW = 20_000


class Sender(Protocol):
    """The part of streams/publisher.py that is needed here."""

    async def publish(self, kind: str, parts: Mapping[str, Any], command_id: str | None = None) -> Receipt:
        """Hand a command over."""


@dataclass(frozen=True, slots=True)
class _Pending:
    row: int
    record: str
    receipt: Receipt


def check_rows(table: Table, mapper: RowMapper, results: ResultFile, on_row: Callable[[], None]) -> None:
    """Check every row as the archive's opener would, and send nothing (``--dry-run``).

    Good rows are counted as ``valid``; the others get their line.
    """
    for row in table:
        line = _fault(row, mapper)
        if line is None:
            results.totals["valid"] += 1
        else:
            results.add(line)
        on_row()


async def publish_rows(
    table: Table, mapper: RowMapper, sender: Sender, results: ResultFile, on_row: Callable[[], None]
) -> None:
    """Publish what an earlier run has not settled, and wait for every answer.

    Args:
        table: the rows.
        mapper: makes commands of them.
        sender: an open publisher.
        results: where answers go.
        on_row: called when a row is done with.
    """
    queue: asyncio.Queue[_Pending | Line | None] = asyncio.Queue(_WINDOW)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_write_down(queue, results, on_row))
        for row in table:
            await queue.put(await _hand_over(row, mapper, sender, results))
        await queue.put(None)


async def _hand_over(row: Row, mapper: RowMapper, sender: Sender, results: ResultFile) -> _Pending | Line:
    fault = _fault(row, mapper)
    if fault is not None:
        return fault
    command_id, parts = mapper.command(row)
    known = results.settled(command_id)
    if known is not None:
        return known
    try:
        return _Pending(row.number, parts["record"], await sender.publish("collect", parts, command_id))
    except DanganError as error:
        return _failed(row.number, parts["record"], command_id, error)


async def _write_down(
    queue: asyncio.Queue[_Pending | Line | None], results: ResultFile, on_row: Callable[[], None]
) -> None:
    while (item := await queue.get()) is not None:
        if isinstance(item, _Pending):
            results.add(await _answer(item))
        elif item is results.settled(item.command):
            results.keep(item)
        else:
            results.add(item)
        on_row()


async def _answer(pending: _Pending) -> Line:
    command = pending.receipt.command_id
    try:
        result = await pending.receipt
    except DanganError as error:
        return _failed(pending.row, pending.record, command, error)
    return Line(
        pending.row,
        pending.record,
        command,
        result.status,
        result.code or "",
        result.field or "",
        result.message or "",
        result.next_step or "",
    )


def _fault(row: Row, mapper: RowMapper) -> Line | None:
    """The row's line if it cannot be a command, so that there is no point in sending it."""
    record = command_id = ""
    try:
        command_id, parts = mapper.command(row)
        record = parts["record"]
        check_command({"type": "collect", "id": command_id, **parts})
    except DanganError as error:
        return _line(row.number, record, command_id, "refused", error)
    return None


def _failed(row: int, record: str, command: str, error: DanganError) -> Line:
    return _line(row, record, command, "failed", error)


def _line(row: int, record: str, command: str, status: str, error: DanganError) -> Line:
    # A record id that was itself refused might be what it must not be: personal data.
    shown = record if status == "failed" else ""
    return Line(row, shown, command, status, error.code, error.field or "", error.sentence, error.next_step)
