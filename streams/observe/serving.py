"""A small HTTP server beside the work: ``/metrics`` for Prometheus, ``/live`` and ``/ready`` for a supervisor.

On loopback unless told otherwise: metrics tell how busy an archive is, and this server asks nobody who he is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from schemas.errors import DanganError

Check = Callable[[], Awaitable[bool]]
#: Seconds that a check may take, and that an answer is good for: asking often must not load what is asked about.
CHECK_WITHIN: Final = 2.0
ANSWER_GOOD_FOR: Final = 1.0


class Readiness:
    """Whether work can be done now: every check says so within :data:`CHECK_WITHIN`.

    Args:
        checks: what must hold, by a word that names it.
        clock: seconds, monotonic.
        within: seconds for all checks, which run side by side.
    """

    def __init__(
        self, checks: Mapping[str, Check], *, clock: Callable[[], float] = time.monotonic, within: float = CHECK_WITHIN
    ) -> None:
        self._checks = checks
        self._clock = clock
        self._within = within
        self._asking = asyncio.Lock()
        self._answer: tuple[float, dict[str, bool]] | None = None

    async def __call__(self) -> dict[str, bool]:
        """For each check whether it holds; an answer is kept for a second."""
        async with self._asking:
            now = self._clock()
            if self._answer is None or self._answer[0] + ANSWER_GOOD_FOR <= now:
                results = await asyncio.gather(*(self._holds(check) for check in self._checks.values()))
                self._answer = (self._clock(), dict(zip(self._checks, results, strict=True)))
            return self._answer[1]

    async def _holds(self, check: Check) -> bool:
        try:
            async with asyncio.timeout(self._within):
                return await check()
        except Exception:  # noqa: BLE001 - whatever goes wrong, it is not ready
            return False


@asynccontextmanager
async def served(
    registry: CollectorRegistry, ready: Callable[[], Awaitable[dict[str, bool]]], *, host: str, port: int
) -> AsyncIterator[int]:
    """Serve for as long as the context lasts.

    Args:
        registry: what ``/metrics`` shows.
        ready: what ``/ready`` shows: 200 if all of it holds, else 503.
        host: the address to listen on.
        port: 0 takes any that is free.

    Yields:
        The port.

    Raises:
        DanganError: DG-AUD-060 when the port is taken.
    """

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"live": True})  # the event loop turns: that is what it says

    async def is_ready(_: web.Request) -> web.Response:
        checks = await ready()
        good = all(checks.values())
        return web.json_response({"ready": good, "checks": checks}, status=200 if good else 503)

    app = web.Application(client_max_size=1024)
    app.add_routes([web.get("/metrics", metrics), web.get("/live", live), web.get("/ready", is_ready)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise DanganError("DG-AUD-060", detail=f"{host}:{port}") from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
