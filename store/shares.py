"""Shares (共享): one document each, from the application to the confirmed deletion, changed by compare-and-swap.

``applied`` -> ``endorsed`` -> ``approved`` -> ``delivered`` -> ``acknowledged`` -> ``recalled`` -> ``closed``; or
``rejected``. That the period is over is not stored: it follows from ``until``. Signatures and statements are kept as
they came, so that they can be verified without believing the database. No package is kept, and none of what one holds.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from pymongo.errors import DuplicateKeyError

from schemas.levels import Level
from store.applications import Step
from store.database import Database, Document, in_parts
from store.ties import Ties

State = Literal[
    "applied", "endorsed", "approved", "rejected", "delivered", "acknowledged", "recalled", "closed"
]  # fmt: skip
#: Those that wait for somebody to decide.
OPEN: tuple[State, ...] = ("applied", "endorsed")
#: Those of which something is, or may be, at the recipient.
OUTSIDE: tuple[State, ...] = ("delivered", "acknowledged", "recalled")
PREFIX = "share:"
_TIES = "share_records"
_UNSIGNED = frozenset({"state", "deliveries", "said", "recall", "version", "signature"})


@dataclass(frozen=True, slots=True)
class Delivery:
    """A package that was made: by which command of whom, its SHA-256 in hex, when (UNIX seconds).

    ``kid`` and ``signing`` are the recipient's keys of that time: the receiving key's id, the raw signing keys.
    """

    command: str
    sender: str
    package: str
    at: int
    kid: str
    signing: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A statement of the recipient: the compact JWS, the package it is about, when it was signed, who sent it on."""

    says: Literal["received", "deleted"]
    package: str
    at: int
    token: str
    command: str
    sender: str


@dataclass(frozen=True, slots=True)
class Recall:
    """That a share was recalled: when (UNIX seconds), why, by which command of whom."""

    at: int
    reason: str
    command: str
    sender: str


@dataclass(frozen=True, slots=True)
class Shared:
    """A share (clauses SHR-01 to SHR-12).

    Attributes:
        id: the share command's id; ``applicant`` its sender, ``department`` the applicant's at that time.
        at_ms: when Kafka took it, UNIX milliseconds.
        digest: what is signed; ``request`` is the command itself, from which it follows.
        level: the highest level among the fields.
        posts: who has to sign, in order, by the rule book of that time.
        until: when it ends, UNIX seconds.
        signature: the archive's over :func:`share_said`.
    """

    id: str
    applicant: str
    department: str
    at_ms: int
    digest: str
    request: Mapping[str, Any]
    level: Level
    posts: tuple[str, ...]
    until: int
    state: State = "applied"
    steps: tuple[Step, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    said: tuple[Said, ...] = ()
    recall: Recall | None = None
    version: int = 1
    signature: str | None = None

    @property
    def grant(self) -> str:
        """What its audit events name it by."""
        return PREFIX + self.id

    @property
    def approved(self) -> tuple[Step, ...]:
        """The approvals, in the order of the posts."""
        return tuple(step for step in self.steps if step.action == "approve-share")

    @property
    def rejected(self) -> bool:
        """Whether somebody rejected it, whatever its state says."""
        return any(step.action == "reject-share" for step in self.steps)

    @property
    def next_post(self) -> str | None:
        """Whose turn it is; None when all have signed."""
        done = len(self.approved)
        return self.posts[done] if done < len(self.posts) else None

    @property
    def missing(self) -> tuple[str, ...]:
        """The departments that were asked and have not said anything yet (SHR-02)."""
        heard = {step.post for step in self.steps if step.action == "opine"}
        return tuple(name for name in self.request["ask"] if name not in heard)

    def over(self, now: float) -> bool:
        """Whether the recipient's access has ended: recalled, or the end date has passed."""
        return self.recall is not None or now >= self.until

    def due(self, now: float) -> int | None:
        """Since when return or deletion should have been confirmed, UNIX seconds; None when nothing is due (SHR-10)."""
        if self.state not in OUTSIDE or not self.over(now):
            return None
        return min(self.recall.at, self.until) if self.recall else self.until


async def ensure_indexes(database: Database) -> None:
    """Create the indexes: by state and end, and by record; repeatable."""
    await database["shares"].create_index([("state", 1), ("until", 1)], name="state")
    await database[_TIES].create_index([("to", 1)], name="to")


class Shares:
    """The ``shares`` collection."""

    def __init__(self, database: Database) -> None:
        self._shares = database["shares"]
        self._ties = Ties(database, _TIES)

    async def add(self, share: Shared) -> bool:
        """Keep a share; False when there is one of that id. It is tied to its records first."""
        await self._ties.tie((record, share.id) for record in share.request["records"])
        try:
            await self._shares.insert_one(_document(share))
        except DuplicateKeyError:
            return False
        return True

    async def get(self, share: str) -> Shared | None:
        """One share, or None."""
        doc = await self._shares.find_one({"_id": share})
        return _shared(doc) if doc else None

    async def swap(self, seen: Shared, changed: Shared) -> bool:
        """Replace a share that has not changed since it was seen; False when it has."""
        new = _document(replace(changed, version=seen.version + 1))
        result = await self._shares.replace_one({"_id": seen.id, "version": seen.version}, new)
        return result.modified_count == 1

    async def all(self, *, states: Collection[str] | None = None) -> AsyncGenerator[Shared]:
        """Every share, those that end first before others; only those in the states."""
        query: Document = {} if states is None else {"state": {"$in": sorted(states)}}
        async with self._shares.find(query).sort([("until", 1), ("_id", 1)]) as found:
            async for doc in found:
                yield _shared(doc)

    async def of(self, records: Collection[str]) -> list[Shared]:
        """The shares that name one of the records."""
        tied = await self._ties.of_many(records)
        found: list[Shared] = []
        for part in in_parts({each for named in tied.values() for each in named}):
            found += [_shared(doc) async for doc in self._shares.find({"_id": {"$in": part}}).sort("_id", 1)]
        return found


async def outgoing(database: Database, records: Collection[str]) -> list[Shared]:
    """The shares of which something of these records is, or may still get, outside: all that is not closed or rejected.

    Whoever destroys the records has them recalled and the deletion confirmed (SHR-10): ``recall_share``.
    """
    return [each for each in await Shares(database).of(records) if each.state not in ("rejected", "closed")]


def share_said(share: Shared) -> Document:
    """What a share asks for, and whose signatures were counted: what the archive signs.

    Not the state, nor what became of it outside: nothing is released by those.
    """
    doc = _document(share)
    return {name: value for name, value in doc.items() if name not in _UNSIGNED}


def _document(share: Shared) -> Document:
    doc = asdict(share)
    doc["_id"] = doc.pop("id")
    return {**doc, "level": share.level.value, "request": dict(share.request), "posts": list(share.posts)}


def _shared(doc: Document) -> Shared:
    known = {each.name for each in fields(Shared)}
    members = {name: value for name, value in doc.items() if name in known}
    deliveries = (Delivery(**{**each, "signing": tuple(map(bytes, each["signing"]))}) for each in doc["deliveries"])
    return Shared(
        **{
            **members,
            "id": doc["_id"],
            "level": Level(doc["level"]),
            "posts": tuple(doc["posts"]),
            "steps": tuple(Step(**{**step, "x": bytes(step["x"])}) for step in doc["steps"]),
            "deliveries": tuple(deliveries),
            "said": tuple(Said(**each) for each in doc["said"]),
            "recall": Recall(**doc["recall"]) if doc["recall"] else None,
        }
    )
