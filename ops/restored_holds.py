"""What a restored database must not forget: legal holds, recalls of grants, and register entries made since the backup.

After a loss the database is itself loaded from a backup, and only the audit stream knows what was done since. Its
events hold no content: a hold comes back without its holder and end, an extension as a hold. What cannot be brought
back at all is listed, for people to enter again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.digests import stored_digest
from store.database import Database
from store.holds import Hold, Holds, hold_document
from store.principals import Grants
from store.registers import Register, entry_document
from store.retention import RetentionFacts

#: Who holds a record by the audit stream's word alone. An operator who has seen the papers replaces or lifts the hold.
HOLDER: Final = "restored"
REFERENCE: Final = "audit-replay"
EXTENSION: Final = "retention.extend"
#: A fact that was taken back: without it a period has begun, and ends.
RETRACTION: Final = "retention.retract"
#: Books whose entries stand elsewhere, in forms of their own.
_ELSEWHERE: Final = frozenset({"retention", "auxiliary", "evidence", "inspections"})
#: A backup is not of one moment, and clocks differ: what was done shortly before it counts as done after it.
_EARLIER_MS: Final = 3_600_000

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Deed:
    """The newest event about something: which deed, when (UNIX milliseconds), the digest of what was stored."""

    verb: str
    at_ms: int
    digest: str = ""


@dataclass(slots=True)
class Deeds:
    """The newest deed on each hold, grant and register entry, as the stream is read, in whatever order."""

    last: dict[Key, Deed] = field(default_factory=dict)

    def take(self, event: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        """Note an event, if it is about one of those."""
        action, verb, at = own["action"], own.get("verb") or "", event["time"]
        if action == "hold":
            key = ("hold", own["record"])
        elif action == "grant" and verb == "give":
            key = ("grant", own["grant"])
        elif action == "recall":
            key = ("recall", own["grant"])
        elif action == "use" and verb == "give_back":
            key = ("return", own["grant"])
        elif action == "register":
            verb = own["book"]
            key = _entry_key(verb, own.get("record") or "")
        else:
            return
        known = self.last.get(key)
        if known is None or known.at_ms <= at:
            self.last[key] = Deed(verb, at, own.get("digest") or "")


def _entry_key(book: str, about: str) -> Key:
    """What a register's event is about: an entry of a register; a record that is kept longer; a fact taken back."""
    if book == EXTENSION:
        return EXTENSION, about
    if book.startswith(f"{RETRACTION}."):
        return RETRACTION, f"{about} {book.removeprefix(f'{RETRACTION}.')}"
    return book.partition(".")[0], about


@dataclass(slots=True)
class Lost:
    """Records that are held by the stream's word alone; what is missing, a deed and its reference; and deeds of which
    the database cannot show whether they are in it.
    """

    held: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)


async def bring_back(into: Database, last: Mapping[Key, Deed], destroyed: Collection[str], *, made_at: int) -> Lost:
    """Hold, recall, give and take back again in a restored database what the stream tells; say what is missing.

    Nothing changes where the database already has what the events say. Repeatable.

    Args:
        into: the restored one, with its holds, grants and registers.
        last: the newest deed on each.
        destroyed: records that need no hold any more.
        made_at: when the backup was made, UNIX seconds.
    """
    lost = Lost()
    newer = {key: deed for key, deed in last.items() if deed.at_ms >= made_at * 1000 - _EARLIER_MS}
    for (what, name), deed in last.items():
        if what == "hold" and name not in destroyed:
            await _hold(into, name, deed, lost)
        elif what == "recall":
            await Grants(into).recall(name, at=deed.at_ms // 1000)
        elif what == "return":
            await Grants(into).give_back(name, at=deed.at_ms // 1000)
        elif what == RETRACTION:
            subject, _, event = name.rpartition(" ")
            at = deed.at_ms // 1000
            await RetentionFacts(into).retract(subject, event, evidence=REFERENCE, by=HOLDER, at=at)
    for (what, name), deed in newer.items():
        if what == EXTENSION:
            if name not in destroyed and not await _is_extended(into, name, deed):
                await _held_again(into, name, lost)
                lost.missing.append(f"{EXTENSION} {name}")
        elif what == "grant":
            if not await Grants(into).get([name]):
                lost.missing.append(f"grant {name}")
        elif what not in ("hold", "recall", "return", RETRACTION):
            await _look_for_entry(into, what, name, deed, lost)
    for found in (lost.held, lost.missing, lost.unsure):
        found.sort()
    return lost


async def _hold(into: Database, record: str, deed: Deed, lost: Lost) -> None:
    standing = await Holds(into).get(record)
    same = standing is not None and stored_digest(hold_document(standing)) == deed.digest
    if deed.verb == "lift":
        if same:  # another one than the lifted stays: in doubt a record is held
            await Holds(into).lift(record)
    elif not same:
        await _held_again(into, record, lost)


async def _held_again(into: Database, record: str, lost: Lost) -> None:
    await Holds(into).put(Hold(record, HOLDER, REFERENCE, None))
    if record not in lost.held:
        lost.held.append(record)


async def _is_extended(into: Database, record: str, deed: Deed) -> bool:
    doc = await into["retention_extensions"].find_one({"_id": record}, {"_id": 0})
    return doc is not None and stored_digest(doc) == deed.digest


async def _look_for_entry(into: Database, register: str, name: str, deed: Deed, lost: Lost) -> None:
    told = f"{deed.verb} {name}".rstrip()
    entry = (await Register(into, register).get([name])).get(name) if name else None
    if entry is None:
        (lost.unsure if register in _ELSEWHERE else lost.missing).append(told)
    elif stored_digest(entry_document(entry)) != deed.digest:  # an earlier step of it, or an event about a part of it
        lost.unsure.append(told)
