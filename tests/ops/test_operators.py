"""Only a registered administrator's key opens ``dangan admin``; the event names who it was."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from keys.okp import SigningKey
from keys.principal_keys import PrincipalKeys, dump_keys
from ops.audited import CONSOLE
from ops.commands import admin
from ops.config import load_settings
from ops.embedded.stack import Stack
from ops.operators import may_bootstrap, prove, sign_statement, verified_operator
from ops.private_files import write_private
from schemas.errors import DanganError
from schemas.principals import Principal, PublicKey
from schemas.topics import AUDIT
from store.database import connect
from streams.audit.reader import open_topic
from streams.kafka import kafka_of
from tests.consumers.samples import NOW, principal

KEY = SigningKey.generate()
GOOD = PublicKey(KEY.kid, KEY.x, NOW - 10, NOW + 10)
BOSS = principal("ops:1", "administrator", signing_keys=(GOOD,))


def refused(known: Principal | None, key: SigningKey = KEY, now: float = NOW) -> None:
    with pytest.raises(DanganError, match="DG-OPS-060"):
        prove(known, key, now=now)


def test_an_administrator_is_known_by_his_key() -> None:
    assert prove(BOSS, KEY, now=NOW) == "ops:1"


def test_nobody_else_is() -> None:
    refused(None)
    refused(BOSS, SigningKey.generate())
    refused(replace(BOSS, active=False))
    refused(replace(BOSS, roles=frozenset({"approver"})))
    refused(replace(BOSS, signing_keys=(replace(GOOD, revoked_at=NOW - 1),)))
    refused(BOSS, now=NOW + 10)
    refused(BOSS, now=NOW - 11)


@given(st.binary(min_size=64, max_size=64), st.binary(max_size=40))
def test_no_other_signature_or_statement_passes(signature: bytes, nonce: bytes) -> None:
    good = sign_statement(KEY, "ops:1", nonce)
    assert verified_operator(BOSS, KEY.kid, nonce, good, now=NOW) == "ops:1"
    for wrong, of in ((signature, nonce), (good, nonce + b"x"), (sign_statement(KEY, "ops:2", nonce), nonce)):
        with pytest.raises(DanganError, match="DG-OPS-060"):
            verified_operator(BOSS, KEY.kid, of, wrong, now=NOW)


def test_one_administrator_ever_ends_the_bootstrap() -> None:
    assert may_bootstrap([])
    assert may_bootstrap([principal("sys:crm", "collector")])
    assert not may_bootstrap([BOSS])
    assert not may_bootstrap([replace(BOSS, active=False)])


@dataclass(frozen=True)
class Desk:
    """``dangan admin`` on a database of its own, with key files in a folder."""

    home: Path
    folder: Path

    def run(self, *words: str, by: str | None = None) -> Result:
        app = typer.Typer()
        admin.register(app)
        key = ["--as", str(self.folder / f"{by}.key")] if by else []
        return CliRunner().invoke(app, ["admin", *words, *key, "--home", str(self.home)])

    def keys(self, file: str, name: str) -> str:
        """Make a key file; the public part's path."""
        keys = PrincipalKeys.generate(name)
        write_private(self.folder / f"{file}.key", dump_keys(keys, None))
        public = self.folder / f"{file}.json"
        public.write_text(json.dumps(keys.public()))
        return str(public)


@pytest.fixture
def desk(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    name = f"t{uuid.uuid4().hex[:12]}"
    monkeypatch.setenv("DANGAN_MONGO_DATABASE", name)
    yield Desk(stack.home, tmp_path)

    async def drop() -> None:
        async with connect(stack.settings.mongo_uri.get_secret_value(), name) as database:
            await database.client.drop_database(name)

    asyncio.run(drop())


def code_of(result: Result) -> str:
    assert isinstance(result.exception, DanganError), result.output
    return result.exception.code


@pytest.mark.flow
def test_the_first_administrator_lets_in_all_others(desk: Desk) -> None:
    tag, since = uuid.uuid4().hex[:8], int(time.time() * 1000) - 1000
    boss, crm, rogue = f"ops:{tag}", f"sys:crm-{tag}", f"ops:rogue-{tag}"
    add = ("principal", "add")
    crm_file, boss_file, rogue_file = desk.keys("crm", crm), desk.keys("boss", boss), desk.keys("rogue", rogue)
    assert code_of(desk.run(*add, crm_file, "--role", "collector")) == "DG-OPS-060"
    assert code_of(desk.run("hold", "add", "rec-1", "--holder", "court", "--reference", "case")) == "DG-OPS-060"
    assert desk.run(*add, boss_file, "--role", "administrator").exit_code == 0
    for by in (None, "rogue", "crm"):
        assert code_of(desk.run(*add, rogue_file, "--role", "administrator", by=by)) == "DG-OPS-060"
    assert code_of(desk.run(*add, boss_file, "--role", "approver", by="boss")) == "DG-OPS-032"
    assert desk.run(*add, crm_file, "--role", "reader", "--locale", "zh-CN", by="boss").exit_code == 0
    assert desk.run(*add, crm_file, "--role", "reader", "--locale", "de", by="boss").exit_code == 2
    lease = ("grant", "add", f"g-{tag}", "--principal", crm, "--purpose", "account_service", "--record", "*")
    assert code_of(desk.run(*lease, "--field", "name", by="crm")) == "DG-OPS-060"
    assert desk.run(*lease, "--field", "name", by="boss").exit_code == 0
    assert desk.run("hold", "add", "rec-1", "--holder", "court", "--reference", "case", by="boss").exit_code == 0
    assert desk.run("hold", "lift", "rec-1", by="boss").exit_code == 0
    assert desk.run("grant", "recall", f"g-{tag}", by="boss").exit_code == 0
    assert desk.run("principal", "deactivate", boss, by="boss").exit_code == 0
    assert code_of(desk.run("principal", "deactivate", crm, by="boss")) == "DG-OPS-060"
    assert code_of(desk.run(*add, rogue_file, "--role", "administrator")) == "DG-OPS-060"
    listed = desk.run("principal", "list")
    assert listed.exit_code == 0
    assert "zh-CN" in listed.output

    events = [event for event in asyncio.run(_events(desk, since)) if event[2] in {boss, crm, rogue, f"g-{tag}"}]
    assert events == [
        (CONSOLE, "bootstrap", boss),
        (boss, "register", crm),
        (boss, "give", f"g-{tag}"),
        (boss, "recall", f"g-{tag}"),
        (boss, "deactivate", boss),
    ]


async def _events(desk: Desk, since_ms: int) -> list[tuple[str, str, str]]:
    """(actor, verb, what it was done to) of operators' events."""
    found = []
    async with open_topic(kafka_of(load_settings(desk.home)), AUDIT, since_ms=since_ms) as topic:
        async for entries in topic.to_the_end():
            events = [orjson.loads(entry.value) for entry in entries]
            found += [
                (
                    event["time"],
                    event["actor"]["user"]["uid"],
                    event["unmapped"]["dangan"]["verb"],
                    event["entity"]["uid"],
                )
                for event in events
                if "verb" in event.get("unmapped", {}).get("dangan", {})
            ]
    return [each[1:] for each in sorted(found)]
