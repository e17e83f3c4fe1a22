"""Puts messages on the command topics that no publisher would send, sealed with the real sealing code."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from keys.okp import PublicIngestKey, SigningKey
from keys.principal_keys import PrincipalKeys
from schemas.settings import Settings
from schemas.wire import Family, topic_of
from store.database import connect
from store.ingest_keys import IngestKeys
from streams.envelope import bundle_headers, seal_bundle
from tests.harness.customers import customer
from tests.harness.office import PURPOSE

_LARGEST = 3 * 1024 * 1024
Headers = list[tuple[str, bytes]]


class RawName(str):
    """A header name of any bytes, which aiokafka's record builder in Python takes as it is."""

    raw: bytes

    def __new__(cls, raw: bytes) -> RawName:
        """The name whose encoding is ``raw``."""
        name = super().__new__(cls, raw.decode("utf-8", "replace"))
        name.raw = raw
        return name

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The bytes themselves."""
        return self.raw


@dataclass(frozen=True)
class Parcel:
    """A message as it is put on a topic.

    Attributes:
        record: the record that its commands are about; must not exist afterwards.
    """

    family: Family
    value: bytes | None
    headers: Headers
    record: str = field(default_factory=lambda: f"smuggled-{uuid.uuid4()}")


@dataclass(frozen=True)
class Smuggler:
    """Seals bundles as a sender; every part may be given otherwise than it should be."""

    settings: Settings
    sender: PrincipalKeys
    ingest_key: PublicIngestKey

    def parcel(
        self,
        family: Family = "collect",
        *,
        record: str | None = None,
        commands: list[dict[str, Any]] | None = None,
        payload: bytes | None = None,
        signing_key: SigningKey | None = None,
        ingest_key: PublicIngestKey | None = None,
        age: int = 0,
        **headers: bytes | None,
    ) -> Parcel:
        """A sealed bundle; without further arguments a good one.

        Args:
            family: whose topic and type.
            record: the record's id.
            commands: instead of one collect command.
            payload: instead of the commands' JSON.
            signing_key: instead of the sender's.
            ingest_key: instead of the archive's.
            age: seconds ago that it was signed.
            **headers: headers to set otherwise, ``-`` written as ``_``; None leaves one out.
        """
        record = record or f"smuggled-{uuid.uuid4()}"
        bundle_id = str(uuid.uuid4())
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        named = dict(bundle_headers(family, sender=self.sender.principal, bundle_id=bundle_id, time=moment))
        changed = {name if name.startswith("ce_") else name.replace("_", "-"): raw for name, raw in headers.items()}
        value = seal_bundle(
            orjson.dumps({"commands": commands or [collect(record)]}) if payload is None else payload,
            signing_key=signing_key or self.sender.signing,
            ingest_key=ingest_key or self.ingest_key,
            bundle_id=bundle_id,
            iat=int(time.time()) - age,
        )
        kept = [(name, raw) for name, raw in {**named, **changed}.items() if raw is not None]
        return Parcel(family, value, kept, record)

    async def send(self, parcels: list[Parcel], topic: str | None = None, *, at_ms: int | None = None) -> list[str]:
        """Put them on their topics, each on partition 0; return their places as ``topic/partition/offset``.

        Args:
            parcels: what to send.
            topic: instead of the family's.
            at_ms: the time that the sender says it is, UNIX milliseconds; now by default.
        """
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka_bootstrap,
            acks="all",
            max_request_size=_LARGEST,
            max_batch_size=_LARGEST,
        )
        await producer.start()
        try:
            places = []
            for parcel in parcels:
                # One record as one batch of our own making: the producer's own builder would refuse a RawName.
                batch = producer.create_batch()
                said = round(time.time() * 1000) if at_ms is None else at_ms
                batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, -1, _LARGEST)
                batch.append(key=b"k", value=parcel.value, timestamp=said, headers=parcel.headers)
                done = await (await producer.send_batch(batch, topic or topic_of(parcel.family), partition=0))
                places.append(f"{done.topic}/{done.partition}/{done.offset}")
            return places
        finally:
            await producer.stop()


async def smuggler(settings: Settings, sender: PrincipalKeys) -> Smuggler:
    """One that seals to the archive's newest ingest key."""
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        newest = next(key for key in await IngestKeys(database).living() if key.state == "active")
    return Smuggler(settings, sender, PublicIngestKey(newest.kid, newest.public))


def collect(record: str, number: int = 4711, **changes: Any) -> dict[str, Any]:
    """A good collect command as a sender writes it."""
    return {
        "id": str(uuid.uuid4()),
        "type": "collect",
        "record": record,
        "subject": f"subject-of-{record}",
        "purpose": PURPOSE,
        "legal_basis": "contract",
        "fields": customer(number),
        **changes,
    }
