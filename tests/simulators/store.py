"""Records, ledger, sweeps, certificates and backup places in memory, and a scheduler that interleaves what uses them.

Every store keeps what it is told in plain dicts. :class:`Remembering` dicts keep every value they ever held: the
old copies of a database that an attacker may have. :class:`Gated` puts a scheduling point before each call.
"""

from __future__ import annotations

import asyncio
import io
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from keys.ledger import Entry, Order, Standing, State, Traces
from keys.ports import KeyRef
from keys.sweep_state import Sweep
from schemas.certificate import RootEvidence
from schemas.levels import Level

K = TypeVar("K")
V = TypeVar("V")

Keys = Mapping[Level, KeyRef]


class Remembering(dict[K, V]):
    """A dict that knows every value it ever held: ``history``."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[V] = []

    def __setitem__(self, key: K, value: V) -> None:
        self.history.append(value)
        super().__setitem__(key, value)


@dataclass
class SimulatedRecord:
    keys: dict[Level, KeyRef]
    ingest_kids: set[str]
    version: int = 1
    sealed: bool = False


class SimulatedRecords:
    """Implements :class:`keys.ports.RecordKeys`. A tombstone is None. ``ever`` is every key a record ever named."""

    def __init__(self) -> None:
        self.records: dict[str, SimulatedRecord | None] = {}
        self.ever: defaultdict[str, set[tuple[Level, KeyRef]]] = defaultdict(set)

    async def insert(self, record: str, keys: Keys, kid: str) -> bool:
        if record in self.records:
            return False
        self.records[record] = SimulatedRecord(dict(keys), {kid})
        self.ever[record].update(keys.items())
        return True

    async def add_keys(self, record: str, keys: Keys, kid: str, *, if_version: int) -> bool:
        stored = self.records.get(record)
        if stored is None or stored.version != if_version or stored.sealed:
            return False
        stored.keys.update(keys)
        stored.ingest_kids.add(kid)
        stored.version += 1
        self.ever[record].update(keys.items())
        return True

    async def move(self, record: str, was: Keys, now: Keys, *, sealed: bool) -> bool:
        """As :class:`keys.seal.KeyMover`."""
        stored = self.records.get(record)
        if stored is None or stored.keys != was:
            return False
        stored.keys, stored.sealed = dict(now), sealed
        self.ever[record].update(now.items())
        return True

    async def keys_of(self, records: Collection[str]) -> dict[str, Keys]:
        return {name: dict(found.keys) for name in records if (found := self.records.get(name))}

    async def ingest_keys_of(self, records: Collection[str]) -> dict[str, tuple[str, ...]]:
        return {name: tuple(found.ingest_kids) for name in records if (found := self.records.get(name))}

    async def standing(self, records: Collection[str]) -> set[str]:
        return {name for name in records if name in self.records and self.records[name] is None}

    async def pages_in_use(self, pages: Collection[str]) -> set[str]:
        return {ref.holder[0] for found in self.live().values() for ref in found.values()} & set(pages)

    async def live_keys(self) -> AsyncIterator[tuple[str, Keys]]:
        for item in self.live().items():
            yield item

    async def erase_many(self, records: Mapping[str, Keys | None], *, at: int) -> set[str]:
        for name, keys in records.items():
            stored = self.records.get(name)
            if (keys is None and name not in self.records) or (stored is not None and stored.keys == keys):
                self.records[name] = None
        return {name for name in records if name in self.records and self.records[name] is None}

    def live(self) -> dict[str, Keys]:
        return {name: dict(found.keys) for name, found in self.records.items() if found}


class SimulatedLedger:
    """Implements :class:`keys.ledger.LedgerStore`."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.frozen: defaultdict[str, set[str]] = defaultdict(set)
        self.begun: set[str] = set()
        self.withdrawn: set[str] = set()

    async def open(self, entries: Sequence[Entry]) -> set[str]:
        known = {entry.record for entry in entries if entry.record in self.entries}
        self.entries.update({entry.record: entry for entry in entries if entry.record not in known})
        return known

    async def begin(self, gate: str, order: Order) -> bool:
        if gate in self.withdrawn or not self._is(gate, order):
            return False
        self.begun.add(gate)
        return True

    async def withdraw(self, gate: str, records: Collection[str], order: Order) -> bool:
        if not self._is(gate, order):
            return True
        if gate in self.begun or self.entries[gate].state is not State.PENDING:
            return False
        for name in {*records, gate}:
            if self._is(name, order) and self.entries[name].state is State.PENDING:
                del self.entries[name]
        return True

    def _is(self, name: str, order: Order) -> bool:
        found = self.entries[name].order if name in self.entries else None
        return found is not None and (found.command, found.requester) == (order.command, order.requester)

    async def get(self, records: Collection[str]) -> dict[str, Entry]:
        return {name: self.entries[name] for name in records if name in self.entries}

    async def in_state(self, state: State, *, after: str = "", limit: int) -> list[Entry]:
        found = [e for e in self.entries.values() if e.state is state and e.record > after]
        return sorted(found, key=lambda entry: entry.record)[:limit]

    async def standing(self, state: State, *, after: str = "", limit: int) -> list[Standing]:
        return [entry.standing for entry in await self.in_state(state, after=after, limit=limit)]

    async def note(self, traces: Mapping[str, Traces]) -> None:
        for name, seen in traces.items():
            self._change(name, State.PENDING, traces=self._with(name, seen))

    async def forgotten(self, records: Collection[str], ingest_kids: Collection[str], *, at: int) -> None:
        for name in records:
            if name not in self.entries:  # as in the store: an update that finds nothing
                continue
            traces = self._with(name, Traces(ingest_kids=frozenset(ingest_kids)))
            self._change(name, State.PENDING, traces=traces, state=State.FORGOTTEN, forgotten_at=at)

    async def freeze(self, records: Collection[str], tag: str) -> None:
        self.frozen[tag].update(records)

    async def sweep_done(self, root: str, tag: str, sweep: str) -> None:
        found = [
            entry
            for entry in self.entries.values()
            if entry.state is State.FORGOTTEN and entry.record in self.frozen[tag] and root not in entry.swept
        ]
        for entry in found:
            self.entries[entry.record] = replace(entry, swept={**entry.swept, root: sweep})

    async def certified(self, records: Collection[str], serial: str, swept: Mapping[str, str]) -> None:
        for name in records:
            self._change(name, State.FORGOTTEN, state=State.CERTIFIED, certificate=serial)

    def _with(self, name: str, seen: Traces) -> Traces:
        old = self.entries[name].traces
        return Traces(
            old.roots | seen.roots,
            tuple(dict.fromkeys(old.old_keys + seen.old_keys)),
            old.ingest_kids | seen.ingest_kids,
        )

    def _change(self, name: str, if_state: State, **changes: Any) -> None:
        if self.entries[name].state is if_state:
            self.entries[name] = replace(self.entries[name], **changes)


class SimulatedSweeps:
    """Implements :class:`keys.sweep_state.SweepStore`."""

    def __init__(self) -> None:
        self.sweeps: dict[str, Sweep] = {}
        self.kept: dict[str, RootEvidence] = {}

    async def get(self, root: str) -> Sweep | None:
        return self.sweeps.get(root)

    async def insert(self, sweep: Sweep) -> bool:
        if sweep.root in self.sweeps:
            return False
        self.sweeps[sweep.root] = sweep
        return True

    async def swap(self, sweep: Sweep, *, if_epoch: int) -> bool:
        if self.sweeps[sweep.root].epoch != if_epoch:
            return False
        self.sweeps[sweep.root] = sweep
        return True

    async def keep(self, evidence: RootEvidence) -> None:
        self.kept[evidence.sweep] = evidence

    async def evidence(self, sweeps: Collection[str]) -> dict[str, RootEvidence]:
        return {name: self.kept[name] for name in sweeps if name in self.kept}


class SimulatedCertificates:
    """Implements :class:`keys.certificate.CertificateStore`."""

    def __init__(self) -> None:
        self.certificates: dict[str, str] = {}

    async def put(self, serial: str, jws: str, records: Sequence[str]) -> str:
        return self.certificates.setdefault(serial, jws)


@dataclass
class MemoryPlace:
    """Implements :class:`keys.places.Place`. ``broken`` makes everything fail."""

    name: str = "memory"
    content: dict[str, bytes] = field(default_factory=dict)
    broken: bool = False

    def create(self, file: str) -> MemorySink:
        self._check()
        return MemorySink(self, file)

    def open(self, file: str) -> io.BufferedIOBase:
        self._check()
        if file not in self.content:
            raise FileNotFoundError(file)
        return io.BytesIO(self.content[file])

    def files(self) -> list[str]:
        self._check()
        return sorted(self.content)

    def remove(self, file: str) -> None:
        self._check()
        self.content.pop(file, None)

    def _check(self) -> None:
        if self.broken:
            raise OSError(5, "Input/output error")


class MemorySink:
    def __init__(self, place: MemoryPlace, file: str) -> None:
        self._place, self._file, self._data = place, file, b""

    def write(self, data: bytes) -> None:
        self._data += data

    def commit(self) -> None:
        self._place._check()
        self._place.content[self._file] = self._data

    def abandon(self) -> None:
        self._data = b""


class Gated:
    """An object whose async methods wait at ``gate(name)`` before they act; generators before each item."""

    def __init__(self, inner: Any, gate: Callable[[str], Awaitable[None]]) -> None:
        self._inner, self._gate = inner, gate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name in {"live_keys", "scan"}:

            async def items(*args: Any, **options: Any) -> AsyncIterator[Any]:
                async for item in method(*args, **options):
                    await self._gate(name)
                    yield item

            return items

        async def call(*args: Any, **options: Any) -> Any:
            await self._gate(name)
            return await method(*args, **options)

        return call


class Schedule:
    """Runs actors one call at a time, in an order that somebody else decides; an actor can be stopped for good.

    Before each call to a gated object an actor waits until it is let on. Stopping it there is a crash between
    two calls: what it has done stays, what it held in memory is gone.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.actors: dict[int, asyncio.Task[Any]] = {}
        self._waiting: defaultdict[int, list[asyncio.Future[None]]] = defaultdict(list)
        self._me: ContextVar[int | None] = ContextVar("actor", default=None)
        self._next = 0

    async def gate(self, *_: str) -> None:
        me = self._me.get()
        if me is not None:
            let_on = self.loop.create_future()
            self._waiting[me].append(let_on)
            await let_on

    def start(self, work: Coroutine[Any, Any, Any]) -> int:
        """Add an actor, which stops at its first call."""
        self._next += 1
        token = self._me.set(self._next)
        self.actors[self._next] = self.loop.create_task(work)
        self._me.reset(token)
        self._settle()
        return self._next

    def step(self, actor: int) -> bool:
        """Let the actor on by one call; False when it has ended."""
        if self._waiting[actor]:
            self._waiting[actor].pop(0).set_result(None)
            self._settle()
        return not self.actors[actor].done()

    def finish(self, actor: int) -> Any:
        """Let the actor on to its end; its result, or its error raised."""
        while self.step(actor):
            pass
        return self.actors.pop(actor).result()

    def crash(self, actor: int) -> None:
        """Stop the actor before its next call."""
        task = self.actors.pop(actor)
        task.cancel()
        self._waiting.pop(actor, None)
        self._settle()
        assert task.done()

    def close(self) -> None:
        for actor in list(self.actors):
            if not self.actors[actor].done():
                self.crash(actor)
            elif not self.actors[actor].cancelled():
                self.actors[actor].exception()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def _settle(self) -> None:
        async def idle() -> None:
            for _ in range(12):
                await asyncio.sleep(0)

        self.loop.run_until_complete(idle())
