"""Who takes part: one system and five people, each with keys of their own, and the one grant there is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keys.principal_keys import PrincipalKeys, dump_keys
from ops import registry
from ops.audited import Desk
from ops.demo.customers import PURPOSE
from ops.private_files import write_private
from ops.public_keys import PublicKeys
from schemas.levels import Level
from schemas.principals import Grant

GRANT: Final = "grant:demo-1"
#: What the clerk may see, and what of it unmasked.
GRANTED: Final = ("name", "phone", "account_number", "city", "preferred_channel")
CLEAR: Final = frozenset({"phone"})


@dataclass(frozen=True, slots=True)
class Role:
    """How one of them is registered."""

    roles: tuple[str, ...]
    department: str
    clearance: Level
    person: bool = True


@dataclass(frozen=True, slots=True)
class People:
    """Everybody's keys. Ids are opaque, as they stand in audit events."""

    crm: PrincipalKeys
    clerk: PrincipalKeys
    colleague: PrincipalKeys
    archivist: PrincipalKeys
    approvers: tuple[PrincipalKeys, PrincipalKeys]

    @property
    def all(self) -> tuple[PrincipalKeys, ...]:
        """All six."""
        return (self.crm, self.clerk, self.colleague, self.archivist, *self.approvers)


_ROLES: Final = {
    "sys:crm": Role(("collector",), "retail", Level.BASIC, person=False),
    "staff:1042": Role(("reader",), "branch-7", Level.CORE),
    "staff:2077": Role(("reader",), "branch-7", Level.CORE),
    "staff:3001": Role(("archivist",), "archive", Level.CORE),
    "staff:4001": Role(("approver",), "compliance", Level.CORE),
    "staff:4002": Role(("approver",), "legal", Level.CORE),
}


def meet(folder: Path) -> People:
    """Make everybody's keys; the system's key file is written to ``folder`` as ``dangan keys new`` would."""
    crm, clerk, colleague, archivist, first, second = (PrincipalKeys.generate(each) for each in _ROLES)
    write_private(folder / "crm.key.json", dump_keys(crm, None))
    return People(crm, clerk, colleague, archivist, (first, second))


async def register(desk: Desk, people: People, *, now: int) -> None:
    """Register everybody; each registration is audited."""
    for keys in people.all:
        role = _ROLES[keys.principal]
        public = PublicKeys(keys.principal, keys.signing.x, keys.receiving.x)
        await registry.register(
            desk,
            public,
            roles=role.roles,
            department=role.department,
            clearance=role.clearance,
            person=role.person,
            now=now,
        )


async def grant(desk: Desk, people: People, records: frozenset[str], *, now: int) -> None:
    """Let the clerk read a few fields of those records for an hour."""
    lease = Grant(
        GRANT, people.clerk.principal, records, frozenset(GRANTED), CLEAR, PURPOSE, not_before=now, not_after=now + 3600
    )
    await registry.give(desk, lease)
