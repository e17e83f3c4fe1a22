"""A load that keeps book: clerks who collect, update and read, and know what the archive must hold in the end."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import DanganError
from schemas.replies import Result
from streams.publisher import Publisher
from streams.receipts import Delivery, Receipt
from tests.harness.customers import Fields, customer
from tests.harness.office import PURPOSE


@dataclass
class Kept:
    """What one record must be: its fields, and the update commands in its history, oldest first."""

    fields: Fields
    updates: list[str] = field(default_factory=list)


@dataclass
class Book:
    """What was handed over, what Kafka took, what the archive answered.

    Attributes:
        records: what each collected record must be now.
        delivered: (command id, place) -> (family, record): what Kafka has acknowledged, each time it did.
        asked_again: commands that were handed over more than once, because no answer came in time.
        wrong: anything that should not have been, in words.
    """

    records: dict[str, Kept] = field(default_factory=dict)
    delivered: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    asked_again: set[str] = field(default_factory=set)
    answered: int = 0
    wrong: list[str] = field(default_factory=list)


class Clerks:
    """Several clerks on one publisher.

    Args:
        publisher: open; it should give up waiting for a reply within seconds, the clerk asks again.
        grant: lets the publisher's principal read everything unmasked.
        tag: begins every record's id.
        per_round: records that a clerk collects at once.
        value: the value as the archive answers it.
    """

    def __init__(
        self,
        publisher: Publisher,
        grant: str,
        tag: str,
        *,
        normal: Callable[[Fields], Fields],
        per_round: int = 10,
    ) -> None:
        self._publisher = publisher
        self._grant = grant
        self._tag = tag
        self._normal = normal
        self._per_round = per_round
        self._numbers = itertools.count()
        self.book = Book()

    async def work(self, clerks: int, until: asyncio.Event) -> None:
        """Work until told to stop; each clerk finishes the round it is in."""
        async with asyncio.TaskGroup() as group:
            for _ in range(clerks):
                group.create_task(self._clerk(until))

    async def _clerk(self, until: asyncio.Event) -> None:
        while not until.is_set():
            await self.round()

    async def round(self) -> None:
        """Collect some records; update each second one twice; read what was updated."""
        numbers = [next(self._numbers) for _ in range(self._per_round)]
        await asyncio.gather(*(self._collect(number) for number in numbers))
        await asyncio.gather(*(self._update_and_read(number) for number in numbers[::2]))

    def name(self, number: int) -> str:
        """The id of a record."""
        return f"{self._tag}-{number:05d}"

    async def _collect(self, number: int) -> None:
        record, fields = self.name(number), customer(number)
        result = await self._surely(
            "collect",
            {
                "record": record,
                "subject": f"subject-{self._tag}-{number:05d}",
                "purpose": PURPOSE,
                "legal_basis": "contract",
                "fields": fields,
            },
        )
        self.book.records[record] = Kept(self._normal(fields))
        self._expect(result, record, 1)

    async def _update_and_read(self, number: int) -> None:
        record = self.name(number)
        for version in (1, 2):
            change = {
                "city": f"新城{number:05d}-{version}",
                "email": None if version == 2 else f"v{number}@example.org",
            }
            command_id = str(uuid.uuid4())
            parts = {"record": record, "from_version": version, "reason": "搬家", "evidence": "doc-1", "fields": change}
            result = await self._surely("update", parts, command_id)
            kept = self.book.records[record]
            kept.updates.append(command_id)
            kept.fields = {k: v for k, v in {**kept.fields, **change}.items() if v is not None}
            self._expect(result, record, version + 1)
        await self.read(record)

    async def read(self, record: str) -> None:
        """Read a record whole and compare it with the book. A read is never asked again under its id."""
        kept = self.book.records[record]
        names = [*kept.fields, *({"email"} - kept.fields.keys())]
        while True:
            parts = {"record": record, "grant": self._grant, "purpose": PURPOSE, "fields": names}
            result = await self._once("access", parts, str(uuid.uuid4()))
            if result is None or result.code == "DG-ACC-005":  # no answer, or the audit topic was away
                continue
            if result.values != kept.fields:
                self.book.wrong.append(f"{record} read as {result.status} {result.code}")
            return

    def _expect(self, result: Result, record: str, version: int) -> None:
        good = result.status in ("accepted", "duplicate")
        if not good or (result.status == "accepted" and result.version != version):
            self.book.wrong.append(f"{record}: {result.status} {result.code} {result.field} version {result.version}")

    async def _surely(self, family: Any, parts: dict[str, Any], command_id: str | None = None) -> Result:
        """Ask under one command id until there is an answer."""
        command_id = command_id or str(uuid.uuid4())
        while True:
            result = await self._once(family, parts, command_id)
            if result is not None:
                return result
            self.book.asked_again.add(command_id)

    async def _once(self, family: Any, parts: dict[str, Any], command_id: str) -> Result | None:
        try:
            receipt: Receipt = await self._publisher.publish(family, parts, command_id)
        except DanganError as error:
            if error.code != "DG-WIR-018":  # the broker is away: partitions cannot be learned
                raise
            await asyncio.sleep(0.2)
            return None
        receipt.delivered.add_done_callback(lambda done: self._note(done, command_id, family, parts["record"]))
        try:
            result = await receipt
        except DanganError as error:
            if error.code not in ("DG-WIR-018", "DG-WIR-019", "DG-WIR-020"):
                raise
            return None
        self.book.answered += 1
        return result

    def _note(self, done: asyncio.Future[Any], command_id: str, family: str, record: str) -> None:
        if not done.cancelled() and done.exception() is None:
            self.book.delivered[command_id, place_of(done.result())] = (family, record)


def place_of(delivery: Delivery) -> str:
    """The message's place as audit events name it."""
    return f"{delivery.topic}/{delivery.partition}/{delivery.offset}"


async def drop_off(publisher: Publisher, tag: str, until: asyncio.Event, pause: float = 0.02) -> list[Receipt]:
    """Hand over collects and never ask again: what Kafka took of them must be there, whoever dies meanwhile.

    Args:
        publisher: without a receiving key: it gets no answers.
        tag: begins every record's id.
        until: when to stop.
        pause: seconds between two records.

    Returns:
        The receipts; not all may be delivered yet.
    """
    receipts = []
    for number in itertools.count():
        if until.is_set():
            return receipts
        parts = {"subject": f"of-{tag}-{number}", "purpose": PURPOSE, "legal_basis": "contract"}
        try:
            fields = {"city": f"城{number}", "name": f"无名{number}"}
            receipts.append(await publisher.collect(record=f"{tag}-{number:05d}", fields=fields, **parts))
        except DanganError as error:
            if error.code != "DG-WIR-018":
                raise
        await asyncio.sleep(pause)
    return receipts
