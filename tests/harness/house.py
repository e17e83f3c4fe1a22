"""An organisation under one profile: its people, hired by application, and what each of them does at a terminal.

Everything goes the way it would in earnest: registrations are applied for and signed, commands are sealed and sent to a
worker that runs under the profile, acts of people are the commands of ``dangan``.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from typer.testing import CliRunner

from keys.principal_keys import PrincipalKeys, dump_keys
from keys.signer import approval
from ops.audited import Desk, desk
from ops.cli import build
from ops.commands.approve import read_request, sign_approval
from ops.config import load_settings, write_settings
from ops.embedded.stack import Stack
from ops.people.applications import carry_out, keys_of
from ops.people.permissions import people_rules
from ops.people.registration import register
from ops.private_files import private_folder, write_private
from ops.provision import provision
from schemas.approvals import ApprovalAction, digest_of
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.replies import Result
from schemas.settings import Settings
from schemas.staff import PermissionChange
from schemas.trust import Trust
from streams.kafka import kafka_of
from streams.publisher import Publisher
from tests.harness.office import public

_YEAR: Final = 365 * 86_400
#: Who works there: name -> department, roles; what begins a registration stands first.
STAFF: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "head": ("business", ("unit_head",)),
    "security": ("security", ("security_officer",)),
    "reviewer": ("business", ("reviewer",)),
    "deliverer": ("business", ("deliverer",)),
    "archivist": ("archive", ("archivist",)),
    "executor": ("archive", ("archivist",)),
    "registrar": ("archive", ("archivist",)),
    "keeper": ("business", ("custodian",)),
    "approver": ("archive", ("approver",)),
    "reader": ("business", ("reader",)),
    "outsider": ("compliance", ("reader",)),
    "seller": ("business", ("client_manager",)),
    "manager": ("business", ("client_manager",)),
    "department": ("business", ("department_head",)),
    "department2": ("finance", ("department_head",)),
    "general": ("board", ("general_manager",)),
    "director": ("board", ("director",)),
    "market": ("market", ("market_supervision",)),
    "sales": ("sales", ("sales_director",)),
    "steward": ("business", ("steward",)),
    "far": ("business", ("steward",)),
    "fees": ("business", ("fee_collector",)),
    "stewards": ("business", ("steward_manager",)),
    "records": ("archive", ("records_head",)),
    "witness": ("archive", ("witness",)),
    "auditor": ("audit", ("auditor",)),
    "crm": ("business", ("collector", "editor")),
    "partner": ("outside", ("recipient",)),
}
_PLACES: Final = """
site = "shanghai-1"

[[place]]
name = "east"
kind = "directory"
path = "{folder}/east"
site = "shanghai-2"
encrypted = true
approved = true

[[place]]
name = "north"
kind = "directory"
path = "{folder}/north"
site = "beijing-1"
encrypted = true
approved = true
"""
SYSTEMS: Final = frozenset({"crm", "partner"})


@dataclass
class House:
    """An organisation; ``keys`` are everybody's, by the names in :data:`STAFF`."""

    settings: Settings
    folder: Path
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:6])
    keys: dict[str, PrincipalKeys] = field(default_factory=dict)

    @classmethod
    def open(cls, stack: Stack, profile: str, folder: Path, **more: str) -> House:
        """A house on running services, with a database and backup places of its own; ``more`` settings of its own."""
        shared, home = stack.settings, private_folder(folder / "home")
        values = {
            "kafka_bootstrap": shared.kafka_bootstrap,
            "mongo_uri": shared.mongo_uri.get_secret_value(),
            "mongo_database": f"house-{uuid.uuid4().hex[:8]}",
            "vault_addr": shared.vault_addr,
            "vault_token_dir": str(shared.vault_token_dir),
            "profile": profile,
            "ingest_drain_seconds": "1",
            **more,
        }
        write_settings(home, values)
        (home / "places.toml").write_text(_PLACES.format(folder=folder), "utf-8")
        made = cls(load_settings(home, {}), folder)
        asyncio.run(made.hire())
        return made

    def id(self, who: str) -> str:
        """A principal's id."""
        return self.keys[who].principal

    def file(self, who: str) -> str:
        """A principal's key file."""
        return str(self.folder / f"{who}.key.json")

    def by(self, who: str) -> tuple[str, str]:
        """The option that names who acts."""
        return ("--as", self.file(who))

    async def hire(self) -> None:
        """Register everybody under the profile's table of people: the first two posts alone, the others signed by them."""
        self.trust: Trust = await provision(self.settings)
        for who in STAFF:
            kind = "sys" if who in SYSTEMS else "person"
            self.keys[who] = PrincipalKeys.generate(f"{kind}:{who}-{self.tag}")
            write_private(self.folder / f"{who}.key.json", dump_keys(self.keys[who], None))
        async with desk(self.settings) as at:
            for who in STAFF:
                await self._register(at, who)

    async def _register(self, at: Desk, who: str) -> None:
        people, now = people_rules(self.settings), int(time.time())
        department, roles = STAFF[who]
        most = people.template(roles[0])
        clearance = most.clearance if most else Level.BASIC
        agreement = {} if who in SYSTEMS else {"agreement": "nda-2026-1", "agreement_until": now + _YEAR}
        houses = {"steward", "fee_collector"} & set(roles)
        scope = (("building", "b09" if who == "far" else "b07"),) if houses else ()
        if who in ("head", "security"):
            await register(
                at, public(self.keys[who]), roles=roles, department=department, clearance=clearance, person=True,
                now=now, people=people, scope=scope, **agreement,  # type: ignore[arg-type]
            )  # fmt: skip
            return
        change = PermissionChange.model_validate(
            {
                "id": str(uuid.uuid4()), "principal": self.id(who), "kind": "system" if who in SYSTEMS else "person",
                "roles": roles, "department": department, "clearance": clearance, "scope": scope, **agreement,
                "keys": keys_of(public(self.keys[who])), "from_version": 0, "reason": "joins",
            }
        )  # fmt: skip
        digest = digest_of(change, at.operator)
        tokens = [
            approval(each.signing, approver=each.principal, action="approve-permission", digest=digest, at=now)
            for each in (self.keys["head"], self.keys["security"])
        ]
        await carry_out(at, change, tokens, people, now=now)

    def run(self, *words: str, status: int = 0, home: bool = True) -> str:
        """Type a command; what it printed."""
        where = ("--home", str(self.settings.home)) if home else ()
        result = CliRunner().invoke(build(words[0]), [*words, *where], env={"COLUMNS": "300"})
        if isinstance(result.exception, DanganError):
            raise result.exception
        assert result.exit_code == status, result.output
        return result.stdout

    def lines(self, *words: str) -> list[dict[str, Any]]:
        """What a command lists."""
        found: list[dict[str, Any]] = json.loads(self.run(*words, "--json"))
        return found

    def refused(self, code: str, *words: str) -> None:
        """A command that must be refused with that code."""
        try:
            self.run(*words)
        except DanganError as error:
            assert error.code == code, error
        else:
            raise AssertionError(f"{words} was not refused")

    def ask(self, who: str, kind: str, parts: Mapping[str, Any], name: str | None = None) -> Result:
        """Send one command and wait for the answer."""
        keys, kafka = self.keys[who], kafka_of(self.settings)

        async def sent() -> Result:
            async with Publisher(
                kafka.servers,
                kafka=kafka.security, principal=keys.principal, signing_key=keys.signing,
                receiving_key=keys.receiving, trust=self.trust, linger=0.0,
            ) as archive:  # fmt: skip
                return await (await archive.publish(kind, dict(parts), name))

        return asyncio.run(sent())

    def signed(self, request: Path, requester: str, who: str, action: ApprovalAction | None = None) -> tuple[str, str]:
        """The option with somebody's signature over a request that a command wrote."""
        more: dict[str, Any] = {"action": action} if action else {}
        token = sign_approval(read_request(request), self.id(requester), self.keys[who], now=int(time.time()), **more)
        file = self.folder / f"{uuid.uuid4()}.jws"
        file.write_text(token, "ascii")
        return ("--approval", str(file))
