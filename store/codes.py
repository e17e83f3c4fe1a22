"""Archive codes as they are given: each once, without a gap, by many workers at once and across ``kill -9`` (ARR-10).

A series (say, individuals of 2023) is one document of ``code_series``. Whoever numbers records first writes into it, in
one conditional write, the next free number *and* the block of records with the numbers that they get: from there on
the numbers belong to these records, whoever lives or dies. Then the block's codes are inserted into ``codes``, and
the block is marked as done. Nobody takes the next block before the last one is done: a worker that finds a block left
undone writes its codes itself, and meets no harm in writing what the owner is writing too, since the block says
everything. So a crash leaves a block that the next comer finishes, never a number without a record.

A record's code is never taken away or given again, also not when the record is destroyed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo.errors import BulkWriteError, DuplicateKeyError

from schemas.archive_code import CodeTemplate, Number, Place, Wanted, numbers
from schemas.errors import Transient
from store.database import Database, Document, in_parts, taken

#: Records numbered by one write: the size of what a crash leaves to the next comer.
BLOCK: Final = 256
#: Seconds that a block may stand undone before another worker does its work; each waits up to three times as long, so
#: that not all do it at once. Meanwhile they ask in steps that grow from the first to the second of these.
_PATIENCE: Final = 1.5
_STEP, _LONGEST_STEP = 0.02, 0.3
#: How often a lost race is run again before the store is blamed.
_ROUNDS: Final = 10_000


async def ensure_indexes(database: Database) -> None:
    """Create the indexes of ``codes``; repeatable."""
    await database["codes"].create_index([("record", 1)], name="record", unique=True, sparse=True)
    await database["codes"].create_index([("customer", 1)], name="customer")


@dataclass(frozen=True, slots=True)
class _Series:
    """A series as it stands: what is free, and the last block with whether its codes are known to be written."""

    id: str
    version: int
    free: int
    block: tuple[Number, ...]
    done: bool


class Codes:
    """The collections ``codes`` and ``code_series``.

    Args:
        database: the archive's.
        template: the rule of the codes.
        jitter: gives numbers from 0 to 1, so that workers that wait do not ask in step.
        patience: seconds that another's block may stand undone.
    """

    def __init__(
        self,
        database: Database,
        template: CodeTemplate,
        *,
        jitter: Callable[[], float] = random.random,
        patience: float = _PATIENCE,
    ) -> None:
        self._codes = database["codes"]
        self._series = database["code_series"]
        self._template = template
        self._jitter = jitter
        self._patience = patience

    async def of(self, records: Collection[str]) -> dict[str, str]:
        """The codes of those of the records that have one."""
        found: dict[str, str] = {}
        for part in in_parts(records):
            async for doc in self._codes.find({"record": {"$in": part}}, {"record": 1}):
                found[doc["record"]] = doc["_id"]
        return found

    async def record_of(self, code: str) -> str | None:
        """The record that has the code, or None."""
        doc = await self._codes.find_one({"_id": code}, {"record": 1})
        return doc.get("record") if doc else None

    async def give(self, series: Mapping[str, str], wanted: Sequence[Wanted]) -> dict[str, str]:
        """Give a code to each of the records of a series that has none; repeatable, and safe beside others.

        Args:
            series: of all of them, as :meth:`CodeTemplate.series` says.
            wanted: the records with their customers.

        Returns:
            record -> its code, also for those that had one.

        Raises:
            Transient: the store does not answer; whatever was begun is finished by the next call of anybody.
        """
        every = list({each.record: each for each in wanted}.values())
        given: dict[str, str] = {}
        for start in range(0, len(every), BLOCK):
            given |= await self._give_block(series, every[start : start + BLOCK])
        return given

    async def _give_block(self, series: Mapping[str, str], wanted: Sequence[Wanted]) -> dict[str, str]:
        for _ in range(_ROUNDS):
            state = await self._settled(series)
            # What anybody was given before `state` was read is in `codes` by now; what is given after it makes our
            # write below fail.
            had = await self.of([each.record for each in wanted])
            missing = [each for each in wanted if each.record not in had]
            if not missing:
                return had
            standing = await self._standing({each.customer for each in missing}, state.id)
            block, free = numbers(missing, free=state.free, taken=standing, by_customer=self._template.by_customer)
            for number in block:
                self._code(series, number)  # a code that cannot be made is refused before a number is spent
            claimed = _Series(state.id, state.version + 1, free, tuple(block), done=False)
            if await self._replace(claimed):
                await self._write(series, claimed)
        raise Transient("DG-STO-001", detail="the series kept changing")

    async def _settled(self, series: Mapping[str, str]) -> _Series:
        """The series without an undone block; a block that nobody finishes in time is finished here."""
        state = await self._read(series)
        step, waited, patience = _STEP, 0.0, self._patience * (1 + 2 * self._jitter())
        while not state.done:
            pause = step * (0.5 + self._jitter())
            await asyncio.sleep(pause)
            step, waited = min(_LONGEST_STEP, 1.5 * step), waited + pause
            before, state = state, await self._read(series)
            if state.version != before.version:
                waited = 0.0
            elif waited > patience:
                await self._write(series, state)
                state = await self._read(series)
        return state

    async def _write(self, series: Mapping[str, str], state: _Series) -> None:
        """Write a block's codes, of which any may stand already, and say that it is done."""
        docs = {
            code: _document(code, number, state.id) for number in state.block if (code := self._code(series, number))
        }
        try:
            await self._codes.insert_many(docs.values(), ordered=False)
        except BulkWriteError as error:
            listed = list(docs)
            await self._resolve({listed[at]: docs[listed[at]] for at in taken(error)})
        await self._replace(_Series(state.id, state.version + 1, state.free, (), done=True))

    async def _resolve(self, refused: Mapping[str, Document]) -> None:
        """Of codes that were not inserted: they stand already, or their record has got another code meanwhile.

        The latter only if the rule or what the code is made of changed between two numberings: then the number is
        spent on nobody, and an entry without a record says so.
        """
        standing: dict[str, Document] = {}
        for part in in_parts(refused):
            async for doc in self._codes.find({"_id": {"$in": part}}):
                standing[doc["_id"]] = doc
        absent = [doc for code, doc in refused.items() if code not in standing]
        others = await self.of([doc["record"] for doc in absent])
        for doc in absent:
            if doc["record"] not in others:  # it stands, but a majority does not have it yet
                raise Transient("DG-STO-001", detail="a code is not readable yet")
            spent = {name: value for name, value in doc.items() if name not in ("record", "customer")}
            try:
                await self._codes.insert_one(spent | {"void": True})
            except DuplicateKeyError:
                continue

    async def _standing(self, customers: Collection[str], series: str) -> dict[str, tuple[int, int]]:
        """Customer -> its number in the series and how many of its files have one."""
        found: dict[str, tuple[int, int]] = {}
        for part in in_parts(customers):
            async for doc in self._codes.find({"customer": {"$in": part}}, {"series": 1, "customer": 1, "n": 1}):
                if doc["series"] == series:
                    serial, files = doc["n"]
                    found[doc["customer"]] = (serial, max(files, found.get(doc["customer"], (0, 0))[1]))
        return found

    def _code(self, series: Mapping[str, str], number: Number) -> str:
        return self._template.code(Place(series, number.serial, number.part))

    async def _read(self, series: Mapping[str, str]) -> _Series:
        name = series_id(series)
        doc = await self._series.find_one({"_id": name})
        if doc is None:
            return _Series(name, 0, 1, (), done=True)
        block = tuple(Number(*each) for each in doc["block"])
        return _Series(name, doc["version"], doc["free"], block, doc["done"])

    async def _replace(self, state: _Series) -> bool:
        """Write the series where it stands at the version before; False where it does not."""
        doc: dict[str, Any] = {
            "_id": state.id,
            "version": state.version,
            "free": state.free,
            "block": [list(number) for number in state.block],
            "done": state.done,
        }
        if state.version == 1:
            try:
                await self._series.insert_one(doc)
            except DuplicateKeyError:
                return False
            return True
        result = await self._series.replace_one({"_id": state.id, "version": state.version - 1}, doc)
        return result.modified_count == 1


def series_id(series: Mapping[str, str]) -> str:
    """The id of a series: its fields by name, so that another order in the template stays the same series."""
    return ";".join(f"{name}={value}" for name, value in sorted(series.items())) or "-"


def _document(code: str, number: Number, series: str) -> Document:
    return {
        "_id": code,
        "record": number.record,
        "customer": number.customer,
        "series": series,
        "n": [number.serial, number.part],
    }
