"""What reading needs, in memory: records with real ciphertexts, grants, consents; every look-up is noted.

``looked_up`` is what somebody with a stopwatch could tell: which stores were asked, and how often.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import replace
from hmac import digest
from typing import Any, cast

import orjson

from consumers.reading.access import Reader
from consumers.reading.browse import Browser
from consumers.reading.grants import NamedGrants
from consumers.reading.purposes import Purposes
from consumers.reading.search import Searcher
from consumers.reading.shelf import Shelf
from consumers.received import Outcome
from consumers.rules import Rules
from keys.cipher import FieldCipher
from keys.cursors import cursors_from
from keys.ports import KeyRef
from schemas.errors import DanganError
from schemas.levels import Level, highest
from schemas.principals import Grant, Principal
from store.portions import Listed
from store.record import Record
from tests.consumers.samples import NOW, RULES, received
from tests.simulators.attested import unsigned

DEKS = {level: bytes([level.rank + 1]) * 32 for level in Level}


def stored(name: str, values: Mapping[str, Any], rules: Rules = RULES, **changes: Any) -> Record:
    """A record with those values, encrypted."""
    specs = {field: rules.catalogue.field(field) for field in values}
    sealed = {
        field: FieldCipher(DEKS[spec.level], name, spec.level).seal(field, 1, orjson.dumps(values[field]))
        for field, spec in specs.items()
    }
    made = Record(
        id=name, subject=f"sub-of-{name}", version=1, level=highest({spec.level for spec in specs.values()}),
        cohort="c", purpose="account_service", legal_basis="contract", fields=sealed,
        keys={level: KeyRef("page-1", 0) for level in Level}, command="c-1", sender="sys:crm", ingest_keys=("k",),
        at_ms=1, tokens={field: token(field, values[field]) for field, spec in specs.items() if spec.index},
    )  # fmt: skip
    return replace(made, **changes)


def token(field: str, value: object) -> bytes:
    """A blind index token that needs no Vault."""
    return f"{field}={value}".encode()


class Shelves:
    """All stores that reading asks, a key ring and an index.

    Args:
        records: the live ones.
        grants: those that were given.
    """

    def __init__(self, *records: Record, grants: Collection[Grant] = ()) -> None:
        self.records = {record.id: record for record in records}
        self.grants = {grant.id: grant for grant in grants}
        self.consents: dict[str, set[str]] = {}
        self.broken: set[str] = set()
        self.seen: dict[str, str] = {}
        self.looked_up: list[str] = []

    async def get(self, ids: Collection[str]) -> dict[str, Grant]:
        self.looked_up.append("grants")
        return {each: self.grants[each] for each in ids if each in self.grants}

    async def replayed(self, seen: Mapping[str, str], *, now: float) -> set[str]:
        self.looked_up.append("requests")
        return {each for each, place in seen.items() if self.seen.setdefault(each, place) != place}

    async def purposes(self, subjects: Collection[str]) -> dict[str, set[str]]:
        self.looked_up.append("consents")
        return {each: self.consents[each] for each in subjects if each in self.consents}

    async def fetch(self, ids: Collection[str], _levels: Any) -> tuple[dict[str, Record], dict[str, Any]]:
        self.looked_up.append("records")
        return {each: self.records[each] for each in ids if each in self.records}, {}

    async def listed(
        self, ids: Collection[str] | None, having: Mapping[str, Collection[str]], *, after: str, limit: int
    ) -> list[Listed]:
        """The attributes are looked at again by the reader: here they narrow nothing."""
        self.looked_up.append("page")
        names = sorted(each for each in (self.records if ids is None else ids) if each > after)
        return [Listed(name) for name in names[: 4 * limit]]

    async def portions(
        self, listed: Sequence[Listed], levels: Any
    ) -> AsyncGenerator[tuple[list[Record], dict[str, Any]], None]:
        """Two records at a time; one portion at least."""
        assert levels is not None
        for at in range(0, len(listed) or 1, 2):
            yield [self.records[each.id] for each in listed[at : at + 2] if each.id in self.records], {}

    async def with_token(self, field: str, tokens: Collection[bytes], *, limit: int) -> list[Record]:
        self.looked_up.append("tokens")
        return [each for each in self.records.values() if each.tokens.get(field) in tokens][:limit]

    async def search(self, field: str, value: str) -> list[bytes]:
        self.looked_up.append("index")
        return [token(field, value)]

    async def hmac(self, key: str, values: Sequence[bytes], *, version: int) -> list[bytes]:
        """Vault's keyed digests."""
        return [digest(f"{key} {version}".encode(), value, "sha256") for value in values]

    async def place(self, record: str, reader: str, grant: str) -> str:
        """The place behind a record, as an answer to that reader under that grant would name it."""
        return (await cursors_from(self)).token(record, reader, grant)

    async def open_with(self, _pages: Any, refs: Mapping[str, Any]) -> dict[str, Any]:
        self.looked_up.append("keys")
        return {each: DanganError("DG-KEY-005") if each in self.broken else DEKS for each in refs}

    async def ask(
        self, command: Any, by: Principal, *, rules: Rules = RULES, now: float = NOW, offset: int = 7
    ) -> Outcome:
        """Have one command answered by what answers its type."""
        stores = cast("Any", self)
        grants = NamedGrants(stores, rules.book.use, unsigned())
        purposes = Purposes(stores, rules.book.reading)
        shelf = Shelf(stores, purposes, stores, rules)
        appliers: dict[str, Any] = {
            "access": lambda: Reader(stores, grants, stores, shelf, rules),
            "browse": lambda: Browser(stores, grants, stores, shelf, rules, stores),
            "search": lambda: Searcher(stores, grants, stores, stores, purposes, rules),
        }
        self.looked_up = []
        (outcome,) = await appliers[command.type]().apply([received(command, by, offset=offset)], now)
        return cast("Outcome", outcome)
