"""Applications for use (使用申请): one document each, changed by compare-and-swap on its version.

``applied`` -> ``endorsed`` (some have signed) -> ``granted`` -> ``returned`` or ``copies_outstanding``; or
``rejected``, or ``withdrawn``. What time does (expired, overdue) is not stored: it follows from the period. The
signatures are kept as they came, so that who approved can be verified without believing the database.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from pymongo.errors import DuplicateKeyError

from schemas.approvals import ApprovalAction
from schemas.levels import Level
from store.database import Database, Document

State = Literal["applied", "endorsed", "granted", "rejected", "withdrawn", "copies_outstanding", "returned"]
#: Those that wait for somebody.
OPEN: tuple[State, ...] = ("applied", "endorsed")
#: What was told once, as an audit event.
Told = Literal["expire", "overdue", "unsigned_emergency"]
#: How a grant's id begins that was given on an application; the application's id follows.
PREFIX = "use:"
_UNSIGNED = frozenset({"state", "told", "version", "signature"})


@dataclass(frozen=True, slots=True)
class Step:
    """One signature under an application.

    Attributes:
        by: who signed; ``x`` the raw public key that verified it.
        post: the post that it stands for; empty for an opinion, and for a rejection.
        at: when it was signed, UNIX seconds.
        token: the compact JWS.
        command, sender: the endorse command that brought it, and who sent that.
        reason: of a rejection or an opinion.
    """

    action: ApprovalAction
    by: str
    x: bytes
    post: str
    at: int
    token: str
    command: str
    sender: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """An application for use (clauses USE-01 to 05).

    Attributes:
        id: the apply command's id; ``applicant`` its sender, ``department`` the applicant's at that time.
        at_ms: when Kafka took it, UNIX milliseconds.
        digest: what is signed (schemas/approvals.py); ``request`` is the command itself, from which it follows.
        level: the highest level among the fields.
        posts: who has to sign, in order, by the rule book of that time.
        signing_department: whose posts sign for a department.
        not_before, not_after: the period, UNIX seconds.
        sign_by: until when an emergency has to be signed, UNIX seconds; None for any other.
        told: which events of time were told.
        signature: the archive's over :func:`application_said`.
    """

    id: str
    applicant: str
    department: str
    at_ms: int
    digest: str
    request: Mapping[str, Any]
    level: Level
    posts: tuple[str, ...]
    signing_department: str
    not_before: int
    not_after: int
    sign_by: int | None = None
    state: State = "applied"
    steps: tuple[Step, ...] = ()
    told: tuple[Told, ...] = ()
    version: int = 1
    signature: str | None = None

    @property
    def grant(self) -> str:
        """The id of the grant that it leads to."""
        return PREFIX + self.id

    @property
    def approved(self) -> tuple[Step, ...]:
        """The approvals, in the order of the posts."""
        return tuple(step for step in self.steps if step.action == "approve-use")

    @property
    def rejected(self) -> bool:
        """Whether somebody rejected it, whatever its state says."""
        return any(step.action == "reject-use" for step in self.steps)

    @property
    def next_post(self) -> str | None:
        """Whose turn it is; None when all have signed."""
        done = len(self.approved)
        return self.posts[done] if done < len(self.posts) else None


async def ensure_indexes(database: Database) -> None:
    """Create the indexes: by applicant, and by what is open until when; repeatable."""
    await database["applications"].create_index([("applicant", 1), ("state", 1), ("not_after", 1)], name="applicant")
    await database["applications"].create_index([("state", 1), ("not_after", 1)], name="state")


class Applications:
    """The ``applications`` collection."""

    def __init__(self, database: Database) -> None:
        self._applications = database["applications"]

    async def add(self, application: Application) -> bool:
        """Keep an application; False when there is one of that id."""
        try:
            await self._applications.insert_one(_document(application))
        except DuplicateKeyError:
            return False
        return True

    async def get(self, application: str) -> Application | None:
        """One application, or None."""
        doc = await self._applications.find_one({"_id": application})
        return _application(doc) if doc else None

    async def swap(self, seen: Application, changed: Application) -> bool:
        """Replace an application that has not changed since it was seen; False when it has."""
        new = _document(replace(changed, version=seen.version + 1))
        result = await self._applications.replace_one({"_id": seen.id, "version": seen.version}, new)
        return result.modified_count == 1

    async def all(self) -> AsyncIterator[Application]:
        """Every application, oldest first."""
        async for doc in self._applications.find({}).sort([("at_ms", 1), ("_id", 1)]):
            yield _application(doc)

    async def ended(self, *, before: int) -> AsyncIterator[Application]:
        """Those that are not settled and whose period ended before then (UNIX seconds), oldest end first."""
        query = {"state": {"$in": [*OPEN, "granted", "copies_outstanding"]}, "not_after": {"$lte": before}}
        async for doc in self._applications.find(query).sort([("not_after", 1), ("_id", 1)]):
            yield _application(doc)

    async def emergencies(self, *, before: int) -> AsyncIterator[Application]:
        """Emergencies that had to be signed before then (UNIX seconds)."""
        async for doc in self._applications.find({"sign_by": {"$ne": None, "$lte": before}}).sort("_id", 1):
            yield _application(doc)

    async def open_of(self, applicant: str, *, now: int, limit: int) -> int:
        """How many applications of somebody wait to be decided; counted up to the limit."""
        query = {"applicant": applicant, "state": {"$in": list(OPEN)}, "not_after": {"$gt": now}}
        return await self._applications.count_documents(query, limit=limit)

    async def is_overdue(self, applicant: str, *, before: int) -> bool:
        """Whether somebody has not given back a use that ended before then (UNIX seconds)."""
        query = {"applicant": applicant, "state": {"$in": ["granted", "copies_outstanding"]}}
        return await self._applications.find_one({**query, "not_after": {"$lte": before}}, {"_id": 1}) is not None


def application_said(application: Application) -> Document:
    """What an application asks for, and whose signatures were counted: what the archive signs.

    Not the state: it follows from the signatures, and an applicant withdraws without the archive's leave. Nor what was
    told of it.
    """
    doc = _document(application)
    return {name: value for name, value in doc.items() if name not in _UNSIGNED}


def _document(application: Application) -> Document:
    doc = asdict(application)
    doc["_id"] = doc.pop("id")
    return {
        **doc,
        "level": application.level.value,
        "request": dict(application.request),
        "posts": list(application.posts),
        "steps": [asdict(step) for step in application.steps],
        "told": list(application.told),
    }


def _application(doc: Document) -> Application:
    known = {each.name for each in fields(Application)}
    members = {name: value for name, value in doc.items() if name in known}
    steps = tuple(Step(**{**step, "x": bytes(step["x"])}) for step in doc["steps"])
    return Application(
        **{
            **members,
            "id": doc["_id"],
            "level": Level(doc["level"]),
            "posts": tuple(doc["posts"]),
            "steps": steps,
            "told": tuple(doc["told"]),
        }
    )
