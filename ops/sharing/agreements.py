"""Confidentiality agreements entered and ended (保密协议, SHR-04): audited steps of a register."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from ops.audited import Desk
from ops.registers import Book
from schemas.agreements import AGREEMENTS
from schemas.registers import Entry, Said
from store.agreements import agreement_of
from store.database import Database
from store.registers import Register

#: Who enters agreements.
KEEPERS: Final = ("archivist", "custodian", "compliance")
LISTED: Final = ("agreement", "recipient", "fields", "purposes", "duties", "at rest", "until", "state")


async def sign(
    desk: Desk,
    reference: str,
    *,
    recipient: str,
    fields: Collection[str],
    purposes: Collection[str],
    duties: Collection[str],
    document: str,
    signed_on: date,
    until: date,
    at_rest: str | None,
    now: int,
) -> Entry:
    """Enter a signed agreement. Again with the same words: nothing happens.

    Args:
        reference: its opaque reference; ``document`` that of the signed paper.
        fields, purposes: its scope, ``*`` for every one.
        duties: the recipient's, each in a sentence.
        signed_on, until: its first and its last day, in UTC.
        at_rest: how the recipient stores what it gets encrypted.
        now: UNIX seconds.

    Raises:
        Refusal, DanganError: as :meth:`ops.registers.Book.begin`.
    """
    said: dict[str, Said] = {
        "recipient": recipient,
        "fields": tuple(sorted(fields)),
        "purposes": tuple(sorted(purposes)),
        "duties": tuple(duties),
        "signed_on": _midnight(signed_on),
        "until": _midnight(until + timedelta(days=1)),
        "document": document,
    }
    if at_rest is not None:
        said["encrypts_at_rest"] = at_rest
    return await Book(desk, AGREEMENTS).begin(reference, "agreement", said, now=now)


async def end(desk: Desk, reference: str, *, reason: str, now: int) -> Entry:
    """End an agreement before its time: nothing is released under it from now on.

    Raises:
        Refusal, DanganError: as :meth:`ops.registers.Book.follow`.
    """
    return await Book(desk, AGREEMENTS).follow(reference, "end", {"reason": reason}, now=now)


async def listed(database: Database, *, now: float, recipient: str | None = None) -> AsyncGenerator[Mapping[str, str]]:
    """The agreements as lines of :data:`LISTED`."""
    async with aclosing(Register(database, AGREEMENTS.name).all()) as entries:
        async for entry in entries:
            known = agreement_of(entry)
            if recipient not in (None, known.recipient):
                continue
            state = "ended" if known.ended else "in force" if known.in_force(now) else "not in force"
            yield {
                "agreement": known.id,
                "recipient": known.recipient,
                "fields": ", ".join(sorted(known.fields)),
                "purposes": ", ".join(sorted(known.purposes)),
                "duties": "; ".join(known.duties),
                "at rest": known.encrypts_at_rest,
                "until": datetime.fromtimestamp(known.until, UTC).date().isoformat(),
                "state": state,
            }


def _midnight(day: date) -> str:
    return datetime.combine(day, time(), UTC).isoformat()
