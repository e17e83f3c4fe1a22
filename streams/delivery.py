"""One bundle's way to Kafka: seal it to the current ingest key, send it, settle its receipts."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata

from keys.signer import Signer
from schemas import wire
from schemas.errors import DanganError, Transient
from schemas.wire import Family
from streams.announce import KnownIngestKeys
from streams.bundling import Queued, payload_of
from streams.envelope import bundle_headers, seal_bundle
from streams.receipts import Delivery, Unanswered

_RETRY_SECONDS: Final = 0.2


class Courier:
    """Seals and sends bundles.

    Args:
        bootstrap: the brokers.
        principal: the sender.
        signing_key: the sender's.
        ingest_keys: what is known of the archive's keys, kept up to date by a Tail.
        unanswered: told of every bundle before it is sent; None when answers are not wanted.
        timeout: seconds for one bundle, from sealing to the broker's confirmation.
        kafka: further settings of aiokafka's producer (TLS, SASL).
        clock: UNIX seconds.
        instance: the place that messages say they come from (docs/wire.md), 32 hex digits; None: they say nothing.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        principal: str,
        signing_key: Signer,
        ingest_keys: KnownIngestKeys,
        unanswered: Unanswered | None,
        timeout: float,
        kafka: Mapping[str, Any],
        clock: Callable[[], float],
        instance: str | None = None,
    ) -> None:
        # Idempotent: what the broker did not confirm is repeated without doubling it or changing the order.
        self._settings = {
            "bootstrap_servers": bootstrap,
            "acks": "all",
            "enable_idempotence": True,
            "max_request_size": wire.WireLimits().max_value + 4096,
            **kafka,
        }
        self._principal = principal
        self._signing_key = signing_key
        self._ingest_keys = ingest_keys
        self._unanswered = unanswered
        self._timeout = timeout
        self._clock = clock
        self._instance = instance

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            Transient: DG-WIR-018 when Kafka does not answer.
        """
        self._producer = AIOKafkaProducer(**self._settings)
        try:
            await self._producer.start()
        except KafkaError as error:
            await self._producer.stop()
            raise Transient("DG-WIR-018", detail=type(error).__name__) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self._producer.stop()

    async def partitions(self, family: Family) -> list[int]:
        """The partitions of the family's topic, ascending.

        Raises:
            Transient: DG-WIR-018 when they cannot be learned.
        """
        topic = wire.topic_of(family)
        try:
            return sorted(await self._producer.partitions_for(topic))
        except KafkaError as error:
            raise Transient("DG-WIR-018", detail=f"{topic}: {type(error).__name__}") from error

    async def carry(self, bundle: Sequence[Queued], family: Family, partition: int) -> None:
        """Bring the commands to the partition; their receipts say how it went. Never raises DanganError."""
        bundle_id = str(uuid.uuid4())
        receipts = [command.receipt for command in bundle]
        try:
            async with asyncio.timeout(self._timeout):
                value = await self._seal(payload_of(bundle), bundle_id)
                if self._unanswered is not None:
                    self._unanswered.expect(bundle_id, receipts)
                place = await self._send(bundle, value, bundle_id, family, partition)
        except TimeoutError:
            self._give_up(bundle, bundle_id, DanganError("DG-WIR-019"))
        except DanganError as error:
            self._give_up(bundle, bundle_id, error)
        else:
            if self._unanswered is not None:
                self._unanswered.delivered(bundle_id)
            delivery = Delivery(place.topic, place.partition, place.offset, bundle_id)
            for receipt in receipts:
                if not receipt.delivered.done():
                    receipt.delivered.set_result(delivery)

    async def _seal(self, payload: bytes, bundle_id: str) -> bytes:
        """Between two ingest keys there may be a moment without one: wait for the announcement."""
        deadline = self._clock() + min(self._timeout / 2, 10.0)
        while True:
            now = self._clock()
            try:
                key = self._ingest_keys.current(now)
            except DanganError:
                if now >= deadline:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            return seal_bundle(
                payload,
                signing_key=self._signing_key,
                ingest_key=key,
                bundle_id=bundle_id,
                iat=int(now),
            )

    async def _send(
        self, bundle: Sequence[Queued], value: bytes, bundle_id: str, family: Family, partition: int
    ) -> RecordMetadata:
        time = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        headers = bundle_headers(
            family,
            sender=self._principal,
            bundle_id=bundle_id,
            time=time.replace("+00:00", "Z"),
            instance=self._instance,
        )
        message: dict[str, Any] = {
            "value": value,
            "key": bundle[0].receipt.partition_key.encode(),
            "partition": partition,
            "headers": headers,
        }
        while True:
            try:
                return await self._producer.send_and_wait(wire.topic_of(family), **message)
            except MessageSizeTooLargeError:
                raise DanganError("DG-WIR-002", detail=f"{len(value)} bytes") from None
            except KafkaError as error:
                if not error.retriable:
                    raise DanganError("DG-WIR-018", detail=type(error).__name__) from error
                await asyncio.sleep(_RETRY_SECONDS)

    def _give_up(self, bundle: Sequence[Queued], bundle_id: str, error: DanganError) -> None:
        if self._unanswered is not None:
            self._unanswered.forget(bundle_id)
        for command in bundle:
            command.receipt.fail(error)
