"""The client of upstream systems: takes commands one by one, sends sealed bundles, hands back receipts.

```python
async with Publisher("kafka:9092", principal="sys:crm", signing_key=s, receiving_key=r, trust=t) as archive:
    receipt = await archive.collect(record="crm:17", subject="p:9", purpose="service",
                                    legal_basis="contract", fields={"mobile": "..."})
    result = await receipt          # optional: the archive's answer
```

Order: commands of one family about one record stay in the order they were handed over, because a record's
partition is fixed (murmur2 of its id, as Kafka's own clients do) and each partition is sent one bundle at a
time. Nothing is promised between families: await the answer to a collect before updating the same record.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from aiokafka.partitioner import murmur2

from keys.okp import ReceivingKey
from keys.signer import Signer
from schemas import wire
from schemas.errors import DanganError
from schemas.trust import Trust
from schemas.wire import Family
from streams.announce import IngestKeyListener, KnownIngestKeys
from streams.bundle import check_command
from streams.bundling import BundleLimits, Lane, Queued, queued
from streams.delivery import Courier
from streams.receipts import Receipt, Unanswered, receipt_for
from streams.replies_reader import RepliesReader
from streams.tail import Tail


class Publisher:
    """Publishes commands as one principal.

    Args:
        bootstrap: the brokers, ``host:port`` separated by commas.
        principal: who publishes; registered with the archive under these two keys.
        signing_key: signs bundles.
        receiving_key: opens replies; None when answers are not wanted.
        trust: the archive's public keys (the trust file).
        bundle_commands: at most this many commands in a bundle, 1 to 256.
        bundle_bytes: at most this many bytes of JSON in a bundle.
        linger: seconds the first command of a bundle waits for more.
        max_undelivered: handing over waits while this many commands are not durable yet.
        max_unanswered: handing over waits while this many commands have no answer yet.
        delivery_timeout: seconds from sealing until a bundle counts as not delivered.
        reply_timeout: seconds from delivery until a command counts as not answered.
        kafka: further settings of aiokafka's clients (TLS, SASL).
        clock: UNIX seconds.
        instance: the place that messages say they come from (docs/wire.md), 32 hex digits; None: they say nothing.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        principal: str,
        signing_key: Signer,
        receiving_key: ReceivingKey | None,
        trust: Trust,
        bundle_commands: int = wire.BUNDLE_COMMANDS,
        bundle_bytes: int = wire.BUNDLE_BYTES,
        linger: float = wire.BUNDLE_LINGER,
        max_undelivered: int = 5_000,
        max_unanswered: int = 20_000,
        delivery_timeout: float = 120.0,
        reply_timeout: float = 60.0,
        kafka: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.time,
        instance: str | None = None,
    ) -> None:
        settings = dict(kafka or {})
        self._limits = BundleLimits(min(bundle_commands, 256), min(bundle_bytes, wire.BUNDLE_BYTES), linger)
        self._undelivered = asyncio.Semaphore(max_undelivered)
        self._unanswered_room = asyncio.Semaphore(max_unanswered) if receiving_key else None
        self._unanswered = Unanswered(reply_timeout)
        self._ingest_keys = KnownIngestKeys()
        listener = IngestKeyListener(self._ingest_keys, trust)
        self._tails = [Tail(bootstrap, wire.TOPIC_KEYS, from_start=True, on_message=listener.hear, kafka=settings)]
        if receiving_key is not None:
            self.replies = RepliesReader(principal, receiving_key, trust, self._unanswered)
            self._tails.append(
                Tail(
                    bootstrap,
                    wire.TOPIC_REPLIES,
                    from_start=False,
                    on_message=self.replies.hear,
                    kafka=settings,
                )
            )
        self._courier = Courier(
            bootstrap,
            principal=principal,
            signing_key=signing_key,
            ingest_keys=self._ingest_keys,
            unanswered=self._unanswered if receiving_key is not None else None,
            timeout=delivery_timeout,
            kafka=settings,
            clock=clock,
            instance=instance,
        )
        self._lanes: dict[tuple[Family, int], Lane] = {}
        self._stack = contextlib.AsyncExitStack()
        self._open = False

    async def __aenter__(self) -> Self:
        """Connect; learn the ingest keys; start listening for replies.

        Raises:
            Transient: DG-WIR-018 when Kafka does not answer.
        """
        async with contextlib.AsyncExitStack() as stack:
            for tail in self._tails:
                await stack.enter_async_context(tail)
            await stack.enter_async_context(self._courier)
            self._stack = stack.pop_all()
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close; on an exception without waiting for what is under way."""
        await self.close(within=0.0 if kind else 30.0)

    async def collect(
        self,
        *,
        record: str,
        subject: str,
        purpose: str,
        legal_basis: str,
        fields: Mapping[str, Any],
        consent: Mapping[str, Any] | None = None,
        intake: Mapping[str, Any] | None = None,
        command_id: str | None = None,
    ) -> Receipt:
        """Hand over a new record with the circumstances of its collection (clause COL-01).

        Waits only while too much is under way.

        Raises:
            DanganError: DG-WIR-011, 002 (the command), 018 (Kafka), 021 (closed).
        """
        parts = {"record": record, "subject": subject, "purpose": purpose, "legal_basis": legal_basis}
        said = {"consent": consent, "intake": intake}
        extra = {name: dict(value) for name, value in said.items() if value}
        return await self.publish("collect", {**parts, **extra, "fields": dict(fields)}, command_id)

    async def update(
        self,
        *,
        record: str,
        from_version: int,
        reason: str,
        evidence: str,
        fields: Mapping[str, Any],
        event: str | None = None,
        command_id: str | None = None,
    ) -> Receipt:
        """Hand over a change of a record, from a version that was seen. Raises as :meth:`collect`."""
        parts: dict[str, Any] = {"record": record, "from_version": from_version, "reason": reason, "evidence": evidence}
        parts |= {"event": event} if event else {}
        return await self.publish("update", {**parts, "fields": dict(fields)}, command_id)

    async def access(
        self,
        *,
        record: str,
        grant: str,
        purpose: str,
        fields: Sequence[str],
        version: int | None = None,
        proposal: str | None = None,
        versions: bool = False,
        command_id: str | None = None,
    ) -> Receipt:
        """Ask for fields of a record under a grant, as they are, or for one of the three (clause UPD-04).

        Args:
            version: an earlier version.
            proposal: a proposal's id: the fields as it would have them.
            versions: who changed them, when and why.

        Raises:
            DanganError: as :meth:`collect`.
        """
        parts: dict[str, Any] = {"record": record, "grant": grant, "purpose": purpose, "fields": list(fields)}
        past = {"version": version, "proposal": proposal, "versions": versions or None}
        parts |= {name: value for name, value in past.items() if value is not None}
        return await self.publish("access", parts, command_id)

    async def destroy(
        self,
        *,
        records: Sequence[str],
        ground: str,
        reason: str,
        approvals: Sequence[str],
        application: Mapping[str, Any] | None = None,
        command_id: str | None = None,
    ) -> Receipt:
        """Carry a destruction out, with its application and signatures. Raises as :meth:`collect`."""
        parts: dict[str, Any] = {
            "records": list(records), "ground": ground, "reason": reason, "approvals": list(approvals)
        }  # fmt: skip
        if application is not None:
            parts["application"] = dict(application)
        return await self.publish("destroy", parts, command_id)

    async def publish(self, kind: str, parts: Mapping[str, Any], command_id: str | None = None) -> Receipt:
        """Hand over a command of any type: its members without ``id`` and ``type``. Raises as :meth:`collect`."""
        command = {"type": kind, "id": command_id or str(uuid.uuid4()), **parts}
        check_command(command)
        family = wire.FAMILY_OF[kind]
        receipt = receipt_for(command, family)
        item = queued(receipt, self._limits)
        await self._make_room(receipt)
        try:
            lane = await self._lane(family, receipt.partition_key)
        except BaseException as error:
            receipt.fail(error if isinstance(error, DanganError) else DanganError("DG-WIR-021"))
            raise
        lane.put(item)
        return receipt

    async def again(self, receipt: Receipt) -> Receipt:
        """Hand a command over once more under its id, after a failure that leaves open what happened."""
        parts = {name: part for name, part in receipt.command.items() if name not in {"id", "type"}}
        return await self.publish(str(receipt.command["type"]), parts, receipt.command_id)

    async def flush(self, within: float = 30.0) -> None:
        """Send everything that waits; return when it is delivered or has failed.

        Raises:
            DanganError: DG-WIR-019 when that takes longer than ``within`` seconds.
        """
        try:
            async with asyncio.timeout(within):
                await asyncio.gather(*(lane.flush() for lane in self._lanes.values()))
        except TimeoutError:
            raise DanganError("DG-WIR-019", detail=f"flush after {within:g} s") from None

    async def close(self, within: float = 30.0) -> None:
        """Deliver what was handed over, for ``within`` seconds at most, then stop.

        Receipts without an answer by then fail with DG-WIR-021: await those that matter before.
        """
        if not self._open:
            return
        self._open = False
        with contextlib.suppress(DanganError):  # the receipts say what was not delivered
            if within:
                await self.flush(within)
        for lane in self._lanes.values():
            await lane.close()
        self._unanswered.close()
        await self._stack.aclose()

    async def _make_room(self, receipt: Receipt) -> None:
        await self._undelivered.acquire()
        receipt.delivered.add_done_callback(lambda _: self._undelivered.release())
        if self._unanswered_room is not None:
            await self._unanswered_room.acquire()
            room = self._unanswered_room
            receipt.answer.add_done_callback(lambda _: room.release())
        else:
            receipt.answer.set_exception(DanganError("DG-WIR-020", detail="answers are not read"))

    async def _lane(self, family: Family, record: str) -> Lane:
        if not self._open:
            raise DanganError("DG-WIR-021")
        partitions = await self._courier.partitions(family)
        number = partitions[(murmur2(record.encode()) & 0x7FFFFFFF) % len(partitions)]
        lane = self._lanes.get((family, number))
        if lane is None:
            lane = Lane(self._limits, self._sender(family, number))
            self._lanes[family, number] = lane
        return lane

    def _sender(self, family: Family, partition: int) -> Callable[[list[Queued]], Any]:
        return lambda bundle: self._courier.carry(bundle, family, partition)
