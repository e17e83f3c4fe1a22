"""``dangan observe``: metrics of the archive as a whole, for Prometheus."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ops.config import load_settings
from ops.logs import configure_logging
from ops.observe.gauges import ArchiveGauges
from ops.observe.reading import read_kafka, read_records, read_store
from ops.observe.watching import Source, watch
from ops.rules import rules_of
from schemas.rulebook import RuleBook
from schemas.settings import Settings
from store.database import connect
from streams.kafka import kafka_of
from streams.observe.serving import Check, Readiness, served


def register(app: typer.Typer) -> None:
    """Add ``dangan observe`` to the command line."""
    app.command("observe")(observe)


def observe(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to serve on; 0 takes any that is free.")] = 9464,
    host: Annotated[str, typer.Option(help="Address to serve on; nobody is asked who he is.")] = "127.0.0.1",
    every: Annotated[float, typer.Option(min=1, help="Seconds between readings.")] = 60,
    records_every: Annotated[
        float, typer.Option(min=1, help="Seconds between looks at what waits for people: it reads every record.")
    ] = 900,
    home: Annotated[Path | None, typer.Option(help="Folder of the installation.")] = None,
) -> None:
    """Serve metrics of the archive: age of sweeps, backups and checkpoints, what waits, what is overdue, dead letters.

    One for an installation, beside the workers, whose own metrics are under metrics_port. /metrics for Prometheus,
    /live and /ready for a supervisor; docs/observability.md lists every metric, and policies/observability has a
    dashboard and alert rules. It needs to read the database and Kafka, and nothing of Vault.
    """
    configure_logging()
    settings = load_settings(home)
    book = rules_of(settings).book
    asyncio.run(_observe(settings, book, (host, port), every, records_every))


async def _observe(settings: Settings, book: RuleBook, at: tuple[str, int], every: float, records_every: float) -> None:
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    gauges = ArchiveGauges(time.time)
    host, port = at
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:

        async def records() -> None:
            await read_records(database, book, gauges.reading, now=time.time())

        sources = {
            "store": Source(lambda: read_store(database, gauges.reading), every),
            "kafka": Source(lambda: read_kafka(kafka_of(settings), gauges.reading), every),
            "records": Source(records, records_every),
        }
        ready = Readiness({name: _fresh(gauges, name, source) for name, source in sources.items()})
        async with served(gauges.registry, ready, host=host, port=port) as found:
            Console(stderr=True).print(f"http://{host}:{found}/metrics", highlight=False)
            watching = asyncio.create_task(watch(gauges, sources))
            stopping = asyncio.create_task(told_to_stop.wait())
            await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
            watching.cancel()


def _fresh(gauges: ArchiveGauges, name: str, source: Source) -> Check:
    async def check() -> bool:
        return gauges.is_fresh(name, 3 * source.every)

    return check
