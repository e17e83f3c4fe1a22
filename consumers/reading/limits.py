"""How much one principal may read: so many requests a minute, so many records a day (clause USE-07, 最小化使用).

A grant bounds what is read, this bounds how fast it can be carried away. Counting is one durable write for a message,
after the reading and before the answer; where the rule book sets no limit there is none. A message that comes again is
not counted again (store/read_counts.py), a replay not at all. What a message alone brings above a limit is not even
read, and whoever is above one is refused without any reading or write until the minute or the day is over.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Any, Final

from consumers.by_type import Applier
from consumers.reading.refusals import refusal_of
from consumers.received import Outcome, Received
from consumers.rules import Rules
from schemas.errors import Refusal
from schemas.rule_tables.reading import Reading
from schemas.use import Browse
from store.read_counts import Asked, ReadCounts

#: What a read is refused with that was asked before.
_REPLAYED: Final = "DG-CMD-003"
#: Principals above a limit that one worker remembers.
_REMEMBERED: Final = 1000


class Limited:
    """Refuses what is above the limits of whoever asks, and lets another applier answer the rest.

    Args:
        applier: reads.
        counts: what each principal asked for, of all workers.
        rules: the rule book's table ``[reading]``, and the catalogue for the events.
    """

    def __init__(self, applier: Applier, counts: ReadCounts, rules: Rules) -> None:
        self._applier = applier
        self._counts = counts
        self._rules = rules
        self._above: OrderedDict[tuple[str, str, int], None] = OrderedDict()

    async def apply(self, batch: Sequence[Received[Any]], now: float) -> list[Outcome]:
        """One outcome for each command, in order.

        Raises:
            Transient: a dependency does not answer; apply the same batch again.
        """
        if not any(_limited(self._rules.book.reading, received) for received in batch):
            return await self._applier.apply(batch, now)
        refused = [refusal for message in _messages(batch) for refusal in self._beforehand(message)]
        rest = [received for received, refusal in zip(batch, refused, strict=True) if refusal is None]
        answers = iter(await self._applier.apply(rest, now) if rest else [])
        outcomes = [next(answers) if refusal is None else None for refusal in refused]
        # A replay is refused, and is no use: counted, it would let whoever repeats old messages lock their sender out.
        use = [outcome is not None and outcome.result.code != _REPLAYED for outcome in outcomes]
        counted = [received for received, is_use in zip(batch, use, strict=True) if is_use]
        above = iter([refusal for message in _messages(counted) for refusal in await self._counted(message)])
        refused = [next(above) if is_use else refusal for is_use, refusal in zip(use, refused, strict=True)]
        answered = (
            outcome if refusal is None else refusal_of(received, refusal, self._rules.catalogue)
            for received, outcome, refusal in zip(batch, outcomes, refused, strict=True)
        )
        return [outcome for outcome in answered if outcome is not None]  # all of them: read, or refused

    def _beforehand(self, message: Sequence[Received[Any]]) -> list[Refusal | None]:
        """What is above a limit already, or by this message alone: it is not even read."""
        first, reading = message[0], self._rules.book.reading
        if not _limited(reading, first):
            return [None] * len(message)
        for code, time in (("DG-ACC-023", first.at_ms // 60_000), ("DG-ACC-024", first.at_ms // 86_400_000)):
            if (first.sender.id, code, time) in self._above:
                return [Refusal(code)] * len(message)
        sizes = [_records(received) for received in message]
        return refusals(reading, first.sender.kind, Asked(len(sizes), sum(sizes)), sizes)

    async def _counted(self, message: Sequence[Received[Any]]) -> list[Refusal | None]:
        first, reading = message[0], self._rules.book.reading
        if not _limited(reading, first):
            return [None] * len(message)
        sizes = [_records(received) for received in message]
        asked = await self._counts.add(
            first.sender.id, mark_of(message), requests=len(message), records=sum(sizes), at_ms=first.at_ms
        )
        found = refusals(reading, first.sender.kind, asked, sizes)
        last = found[-1]
        if last is not None:  # what is refused counts too: nothing more passes in that time
            time = first.at_ms // (60_000 if last.code == "DG-ACC-023" else 86_400_000)
            self._above[first.sender.id, last.code, time] = None
            while len(self._above) > _REMEMBERED:
                self._above.popitem(last=False)
        return found


def _messages(batch: Sequence[Received[Any]]) -> list[list[Received[Any]]]:
    return [list(group) for _, group in groupby(batch, key=lambda received: received.place)]


def refusals(reading: Reading, kind: Any, asked: Asked, sizes: Sequence[int]) -> list[Refusal | None]:
    """Which commands of a message are above a limit: those from the first on that crosses it. Pure.

    Args:
        reading: the limits.
        kind: the principal's.
        asked: so far, the message included.
        sizes: how many records each command asks for.
    """
    most_requests, most_records = reading.per_minute[kind], reading.records_per_day[kind]
    requests, records = asked.requests - len(sizes), asked.records - sum(sizes)
    found: list[Refusal | None] = []
    for size in sizes:
        requests, records = requests + 1, records + size
        if most_requests and requests > most_requests:
            found.append(Refusal("DG-ACC-023"))
        elif most_records and records > most_records:
            found.append(Refusal("DG-ACC-024"))
        else:
            found.append(None)
    return found


def mark_of(message: Sequence[Received[Any]]) -> str:
    """What a message counts under: its commands' ids.

    The same commands that come again, from the same place or another, are no second use: as replays they are refused.
    The message's own id would not do: its sender chooses it, and could send many messages under one.
    """
    return blake2b("\n".join(received.command.id for received in message).encode(), digest_size=16).hexdigest()


def _limited(reading: Reading, received: Received[Any]) -> bool:
    kind = received.sender.kind
    return bool(reading.per_minute[kind] or reading.records_per_day[kind])


def _records(received: Received[Any]) -> int:
    command = received.command
    return command.limit if isinstance(command, Browse) else 1
