"""Confidentiality agreements (保密协议) as the archive looks at them when it shares (clause SHR-04)."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.agreements import AGREEMENTS
from schemas.moments import unix_ms
from schemas.registers import Entry
from store.database import Database
from store.registers import Register

_ALL = "*"


@dataclass(frozen=True, slots=True)
class Agreement:
    """An agreement with a recipient.

    Attributes:
        fields, purposes: its scope; ``*`` is every one.
        duties: what the recipient has to do and to leave.
        signed_at, until: UNIX seconds.
        encrypts_at_rest: how the recipient stores what it gets; empty when it does not say.
        ended: whether it was ended before its time.
    """

    id: str
    recipient: str
    fields: frozenset[str]
    purposes: frozenset[str]
    duties: tuple[str, ...]
    signed_at: float
    until: float
    encrypts_at_rest: str = ""
    ended: bool = False

    def in_force(self, now: float) -> bool:
        """Whether it holds at a time, UNIX seconds."""
        return not self.ended and self.signed_at <= now < self.until

    def covers_field(self, name: str) -> bool:
        """Whether the field is within its scope."""
        return not self.fields.isdisjoint({name, _ALL})

    def covers_purpose(self, name: str) -> bool:
        """Whether the purpose is within its scope."""
        return not self.purposes.isdisjoint({name, _ALL})


class Agreements:
    """Reads the register ``agreements``."""

    def __init__(self, database: Database) -> None:
        self._register = Register(database, AGREEMENTS.name)

    async def get(self, reference: str) -> Agreement | None:
        """One agreement, or None."""
        entry = (await self._register.get([reference])).get(reference)
        return agreement_of(entry) if entry else None


def agreement_of(entry: Entry) -> Agreement:
    """The agreement that an entry of the register is."""
    facts = entry.facts
    return Agreement(
        entry.id,
        entry.text("recipient"),
        frozenset(_texts(facts["fields"])),
        frozenset(_texts(facts["purposes"])),
        _texts(facts["duties"]),
        unix_ms(entry.text("signed_on")) / 1000,
        unix_ms(entry.text("until")) / 1000,
        entry.text("encrypts_at_rest"),
        AGREEMENTS.is_over(entry),
    )


def _texts(said: object) -> tuple[str, ...]:
    return tuple(map(str, said)) if isinstance(said, tuple) else (str(said),)
