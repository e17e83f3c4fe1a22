"""Reads the archive again and again, each source by itself: one that is away leaves the others as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from ops.observe.gauges import ArchiveGauges
from schemas.errors import DanganError
from store.database import TRANSIENT

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """What is read, and how often (seconds)."""

    read: Callable[[], Awaitable[None]]
    every: float


async def watch(gauges: ArchiveGauges, sources: Mapping[str, Source]) -> None:
    """Read every source at its interval, for ever."""
    async with asyncio.TaskGroup() as tasks:
        for name, source in sources.items():
            tasks.create_task(_again(gauges, name, source))


async def read_once(gauges: ArchiveGauges, name: str, source: Source) -> None:
    """Read a source now; a failure is counted and logged, and that is all."""
    try:
        await source.read()
    except DanganError as error:
        gauges.failed(name)
        log.warning("not_observed", code=error.code, place=name)
    except (*TRANSIENT, OSError) as error:
        gauges.failed(name)
        log.warning("not_observed", code="DG-STO-001", error=type(error).__name__, place=name)
    else:
        gauges.read(name)


async def _again(gauges: ArchiveGauges, name: str, source: Source) -> None:
    while True:
        await read_once(gauges, name, source)
        await asyncio.sleep(source.every)
