"""The floor of reading: a Faust app that opens the same bundles and seals answers of the same size, and nothing else.

    python -m benchmarks.echo HOME GROUP VALUES.json

Same broker, topics, Faust settings, batching, envelope, replies and acknowledgements; no store, no keys of records,
no rules, no audit. What it cannot do without (the ingest key, the sender, a certified identity) is read once at
the start.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaProducer

from benchmarks.scene import SENDER
from keys.ingest_ring import IngestKeyring
from keys.vault import transit_of
from ops.config import load_settings
from ops.logs import configure_logging
from schemas.errors import UnreadableMessage
from schemas.principals import Principal, PublicKey
from schemas.replies import Reply, Result
from schemas.wire import WireLimits
from store.database import connect
from store.ingest_keys import IngestKeys
from store.principals import Principals
from streams.app import make_app
from streams.envelope import open_bundle
from streams.kafka import kafka_of
from streams.outbox import KafkaOutbox
from streams.pipeline import Message
from streams.writer import new_writer

_LIMITS: Final = WireLimits()


class Echo:
    """Answers every command of every bundle with the same values."""

    def __init__(
        self, sender: Principal, keyring: IngestKeyring, outbox: KafkaOutbox, values: Mapping[str, Any]
    ) -> None:
        self._sender = sender
        self._keyring = keyring
        self._outbox = outbox
        self._values = dict(values)

    async def process(self, messages: Sequence[Message]) -> None:
        """Open, answer."""
        replies = [reply for message in messages if (reply := self._reply(message)) is not None]
        await self._outbox.reply(self._outbox.seal([(self._sender, reply) for reply in replies]))

    def _reply(self, message: Message) -> Reply | None:
        try:
            bundle = open_bundle(
                message.value,
                headers=message.headers,
                family="access",
                ingest_private=self._keyring.private,
                sender_key=self._signer,
                now=message.at_ms / 1000,
                limits=_LIMITS,
            )
        except UnreadableMessage:
            return None
        commands = orjson.loads(bundle.payload)["commands"]
        results = tuple(Result(command["id"], "accepted", version=1, values=self._values) for command in commands)
        return Reply(bundle.bundle_id, results)

    def _signer(self, kid: str) -> tuple[str, PublicKey] | None:
        key = self._sender.signing_key(kid)
        return (self._sender.id, key) if key else None


async def run(home: Path, group: str, values: Mapping[str, Any]) -> None:
    """Echo until SIGTERM."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    settings = load_settings(home)
    async with (
        connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database,
        transit_of(settings, settings.token_file("worker")) as transit,
        AIOKafkaProducer(
            bootstrap_servers=settings.kafka_bootstrap, acks="all", enable_idempotence=True, client_id="bench-echo"
        ) as producer,
    ):
        sender = await Principals(database).get(SENDER)
        if sender is None:
            raise RuntimeError(f"{SENDER} is not registered")
        keyring = IngestKeyring(transit, IngestKeys(database))
        await keyring.refresh()
        writer = await new_writer(transit, "bench-echo", time.time())
        echo = Echo(sender, keyring, KafkaOutbox(producer, lambda: writer), values)
        app = make_app(
            kafka_of(settings),
            {"access": echo.process},
            datadir=settings.home / "faust" / group,
            in_flight={"access": settings.batches_in_flight},
            group=group,
        )
        await app.start()
        await told.wait()
        await app.stop()


if __name__ == "__main__":
    configure_logging()
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2], orjson.loads(Path(sys.argv[3]).read_bytes())))
