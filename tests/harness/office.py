"""The people and systems of a small organisation, registered with a freshly started archive."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keys.principal_keys import PrincipalKeys
from ops.audited import desk
from ops.commands.approve import sign_approval
from ops.provision import provision
from ops.public_keys import PublicKeys
from ops.registry import give, register
from schemas.commands import Destroy
from schemas.levels import Level
from schemas.principals import Grant
from schemas.settings import Settings
from schemas.trust import Trust
from streams.publisher import Publisher

PURPOSE = "account_service"
#: The front desk's grant: every record and field, unmasked.
GRANT = "grant-all-clear"


@dataclass(frozen=True)
class Office:
    """Who works here.

    Attributes:
        crm: a system that collects, edits and reads everything.
        archivist: asks for destruction.
        approvers: two people who approve it.
    """

    settings: Settings
    trust: Trust
    crm: PrincipalKeys
    archivist: PrincipalKeys
    approvers: tuple[PrincipalKeys, PrincipalKeys]

    def publisher(self, who: PrincipalKeys | None = None, **more: Any) -> Publisher:
        """A publisher of one of them, the CRM system by default."""
        who = who or self.crm
        return Publisher(
            self.settings.kafka_bootstrap,
            principal=who.principal,
            signing_key=who.signing,
            receiving_key=who.receiving,
            trust=self.trust,
            **more,
        )

    def silent_publisher(self) -> Publisher:
        """A publisher of the CRM system that takes no answers."""
        return Publisher(
            self.settings.kafka_bootstrap,
            principal=self.crm.principal,
            signing_key=self.crm.signing,
            receiving_key=None,
            trust=self.trust,
        )

    def destroy_parts(self, records: Sequence[str], reason: str) -> dict[str, Any]:
        """An approved destroy command without its type: for ``Publisher.destroy(**parts)``."""
        parts: dict[str, Any] = {"records": list(records), "ground": "subject_request", "reason": reason}
        command_id = str(uuid.uuid4())
        command = Destroy.model_validate({"id": command_id, "type": "destroy", "approvals": (), **parts})
        now = int(time.time())
        tokens = [sign_approval(command, self.archivist.principal, who, now=now) for who in self.approvers]
        return {**parts, "approvals": tokens, "command_id": command_id}


def public(keys: PrincipalKeys) -> PublicKeys:
    """What is registered of a principal's keys."""
    return PublicKeys(keys.principal, keys.signing.x, keys.receiving.x)


async def open_office(settings: Settings) -> Office:
    """Provision the archive and register everybody; each call registers new people."""
    trust = await provision(settings)
    tag = uuid.uuid4().hex[:6]
    office = Office(
        settings,
        trust,
        PrincipalKeys.generate(f"sys:crm-{tag}"),
        PrincipalKeys.generate(f"person:archivist-{tag}"),
        (PrincipalKeys.generate(f"person:head-{tag}"), PrincipalKeys.generate(f"person:law-{tag}")),
    )
    now = int(time.time())
    async with desk(settings) as at:
        for keys, roles in (
            (office.crm, ("collector", "editor", "reader")),
            (office.archivist, ("archivist",)),
            *((approver, ("approver",)) for approver in office.approvers),
        ):
            await register(
                at,
                public(keys),
                roles=roles,
                department="retail",
                clearance=Level.CORE,
                person=keys is not office.crm,
                now=now,
                agreement="nda-2026-1",
                agreement_until=now + 86_400,
            )
        await give(at, grant_for(office.crm.principal, now))
    return office


def grant_for(principal: str, now: int, **changes: Any) -> Grant:
    """A grant to read everything for the usual purpose, from now on for an hour."""
    parts: dict[str, Any] = {
        "id": f"{GRANT}-{principal.replace(':', '-')}",
        "principal": principal,
        "records": frozenset("*"),
        "fields": frozenset("*"),
        "clear": frozenset("*"),
        "purpose": PURPOSE,
        "not_before": now - 5,
        "not_after": now + 3600,
        **changes,
    }
    return Grant(**parts)


def grant_id(principal: str) -> str:
    """The id of the grant that :func:`grant_for` makes."""
    return f"{GRANT}-{principal.replace(':', '-')}"
