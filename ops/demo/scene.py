"""What every act of the demo works with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from consumers.rules import Rules
from keys.principal_keys import PrincipalKeys
from ops.demo.claims import Claims
from ops.demo.live_audit import LiveAudit
from ops.demo.people import People
from ops.demo.stage import Stage
from ops.embedded.stack import Stack
from schemas.settings import Settings
from schemas.trust import Trust
from streams.kafka import kafka_of
from streams.publisher import Publisher


@dataclass(frozen=True, slots=True)
class Scene:
    """The running installation and who takes part."""

    stage: Stage
    claims: Claims
    stack: Stack
    settings: Settings
    rules: Rules
    trust: Trust
    people: People
    live: LiveAudit

    @property
    def customers(self) -> Path:
        """The customers' file."""
        return self.settings.home / "customers.csv"

    @property
    def mapping(self) -> Path:
        """Its mapping file."""
        return self.settings.home / "customers.map.toml"

    def client(self, keys: PrincipalKeys) -> Publisher:
        """A publisher client of somebody; not connected yet."""
        return publisher(self.settings, self.trust, keys)


def publisher(settings: Settings, trust: Trust, keys: PrincipalKeys) -> Publisher:
    """The client that upstream systems use, for one principal."""
    kafka = kafka_of(settings)
    return Publisher(
        kafka.servers,
        kafka=kafka.security,
        principal=keys.principal,
        signing_key=keys.signing,
        receiving_key=keys.receiving,
        trust=trust,
    )
