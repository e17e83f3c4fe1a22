"""Sealing on the real services: sealed, refused, closed to the worker's own token, unsealed by two, sealed and destroyed."""

from __future__ import annotations

import asyncio
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from keys.certificate import verify_certificate
from keys.principal_keys import PrincipalKeys, dump_keys
from keys.roots import SEALED_ROOT
from keys.vault import transit_of
from ops.audited import desk
from ops.cli import build
from ops.commands.approve import sign_approval
from ops.commands.destruction import _sweep
from ops.destruction import ROOTS
from ops.private_files import write_private
from ops.registry import register
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.sealing import Seal, Unseal
from store.database import connect
from store.pages import Pages
from store.records import Records
from tests.harness.office import PURPOSE, Office, grant_id, public

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("worker"), pytest.mark.clause("DES-11")]
TAG = uuid.uuid4().hex[:6]
SEALED, OPEN = f"rec-{TAG}-1", f"rec-{TAG}-2"
VALUES = {"name": "王小明", "city": "苏州"}


class Desk:
    """Who asks, who signs, and who opens."""

    def __init__(self, office: Office, folder: Path) -> None:
        self.office, self.folder = office, folder
        self.posts = {
            role: PrincipalKeys.generate(f"person:{role.replace('_', '-')}-{TAG}")
            for role in ("records_head", "director", "sealing_officer")
        }

    async def register(self) -> None:
        async with desk(self.office.settings) as at:
            for role, keys in self.posts.items():
                parts: dict[str, Any] = {"department": "archive", "clearance": Level.CORE, "person": True}
                await register(at, public(keys), roles=(role,), now=int(time.time()), **parts)
                write_private(self.folder / f"{role}.key", dump_keys(keys, None))

    def signed(self, kind: str, *records: str, by: tuple[str, ...] = ("records_head", "director")) -> tuple[str, Any]:
        members = {"records": list(records), "reason": "the period has ended"}
        model: Any = Seal if kind == "seal" else Unseal
        command = model.model_validate({"id": str(uuid.uuid4()), "type": kind, "approvals": (), **members})
        asks, now = self.office.archivist.principal, int(time.time())
        tokens = [sign_approval(command, asks, self.posts[role], now=now) for role in by]
        return command.id, {**members, "approvals": tokens}

    async def send(self, kind: str, command: str, members: Any) -> str | None:
        async with self.office.publisher(self.office.archivist) as archive:
            return (await (await archive.publish(kind, members, command))).code

    async def dangan(self, *words: str, by: str) -> str:
        args = ["seal", *words, "--as", str(self.folder / f"{by}.key"), "--home", str(self.office.settings.home)]

        def invoke() -> str:
            result = CliRunner().invoke(build("seal"), args, env={"COLUMNS": "300"})
            if result.exception is not None and not isinstance(result.exception, SystemExit):
                raise result.exception
            return result.stdout

        return await asyncio.to_thread(invoke)


async def read(office: Office, record: str, **more: Any) -> Any:
    async with office.publisher() as crm:
        grant = grant_id(office.crm.principal)
        return await (await crm.access(record=record, grant=grant, purpose=PURPOSE, fields=sorted(VALUES), **more))


async def test_sealed_refused_unsealed_by_two_sealed_and_destroyed(office: Office, tmp_path: Path) -> None:
    asks = Desk(office, tmp_path)
    await asks.register()
    async with office.publisher() as crm:
        for record in (SEALED, OPEN):
            parts: dict[str, Any] = {"record": record, "subject": f"sub-{TAG}", "purpose": PURPOSE}
            assert (await (await crm.collect(**parts, legal_basis="contract", fields=VALUES))).status == "accepted"
    kept = (await read(office, SEALED)).values
    assert (await read(office, SEALED)).code is None

    alone, members = asks.signed("seal", SEALED, by=("director",))
    assert await asks.send("seal", alone, members) == "DG-APR-001"
    sealing, members = asks.signed("seal", SEALED)
    assert await asks.send("seal", sealing, members) is None
    assert await asks.send("seal", sealing, members) is None  # sent twice, done once
    assert (await read(office, SEALED)).code == "DG-SEL-001"
    assert (await read(office, OPEN)).values == kept  # of the same bundle's pages, and left alone
    async with office.publisher() as crm:
        change = {"record": SEALED, "from_version": 1, "reason": "moved", "evidence": "e-1", "fields": {"city": "南京"}}
        assert (await (await crm.update(**change))).code == "DG-SEL-001"

    settings = office.settings
    async with connect(settings.mongo_uri.get_secret_value(), settings.mongo_database) as database:
        refs = (await Records(database).keys_of([SEALED]))[SEALED]
        pages = await Pages(database).get({page for ref in refs.values() for page, _ in ref.places})
        for ref in refs.values():
            assert ref.shut
            assert ref.slot not in pages[ref.page].slots
            assert pages[ref.sealed].slots == b"\0"
        wrapped = [pages[ref.sealed].wrapped_key for ref in refs.values()]
        for role in ("worker", "sweeper", "admin"):
            async with transit_of(settings, settings.token_file(role)) as transit:
                with pytest.raises(DanganError, match="DG-KEY-002"):
                    await transit.decrypt(SEALED_ROOT, wrapped)

        alone, members = asks.signed("unseal", SEALED, by=("records_head",))
        assert await asks.send("unseal", alone, members) == "DG-APR-001"
        undoing, members = asks.signed("unseal", SEALED)
        assert await asks.send("unseal", undoing, members) is None
        assert (await read(office, SEALED)).code == "DG-SEL-001"  # asked for, and not carried out yet
        with pytest.raises(DanganError, match="DG-OPS-060"):
            await asks.dangan("open", undoing, by="director")
        assert SEALED in await asks.dangan("list", by="sealing_officer")
        # an order that somebody with rights on the database writes is worth nothing without the signatures
        await database["seals"].update_one({"command": undoing}, {"$set": {"members.reason": "another"}})
        with pytest.raises(DanganError, match="DG-APR-004"):
            await asks.dangan("open", undoing, by="sealing_officer")
        await database["seals"].update_one({"command": undoing}, {"$set": {"members.reason": members["reason"]}})
        assert "would be unsealed" in await asks.dangan("open", undoing, "--dry-run", by="sealing_officer")
        assert "1 records unsealed" in await asks.dangan("open", undoing, by="sealing_officer")
        assert (await read(office, SEALED)).values == kept
        with pytest.raises(DanganError, match="DG-SEL-011"):
            await asks.dangan("open", undoing, by="sealing_officer")

        sealing, members = asks.signed("seal", SEALED)
        assert await asks.send("seal", sealing, members) is None
        refs = (await Records(database).keys_of([SEALED]))[SEALED]
        async with office.publisher(office.archivist) as archive:
            gone = await (await archive.destroy(**office.destroy_parts([SEALED], "the period has ended")))
        assert gone.status == "accepted"
        left = await Pages(database).get({page for ref in refs.values() for page, _ in ref.places})
        assert not any(slot in left[page].slots for ref in refs.values() for page, slot in ref.places)
    outcome = await _sweep(settings, tuple(ROOTS), True, False, lambda *_: None)  # type: ignore[arg-type]
    (certificate,) = outcome.certificates.values()
    stated = verify_certificate(certificate, office.trust)
    assert {each.root for each in stated.roots} >= {SEALED_ROOT}
    assert SEALED_ROOT in {each.root for each in stated.refused_keys}
    assert (await read(office, OPEN)).values == kept
