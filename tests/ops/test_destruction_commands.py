"""``dangan certificate verify`` needs files alone; ``dangan sweep``, ``backup`` and ``restore`` run on the real services."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from keys.okp import thumbprint
from keys.places import DirectoryPlace
from keys.ring import KeyRing
from keys.roots import CERTIFICATES_KEY, SEALED_ROOT
from keys.vault import transit_of
from ops.backup import make_backup
from ops.commands import backup, destruction
from ops.destruction import Destruction, horizon
from ops.embedded.stack import Stack
from ops.restore import Restore
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.settings import Settings
from schemas.trust import Trust, TrustedKey
from store.database import connect
from store.pages import Pages
from store.record import Record
from store.records import Records
from tests.simulators.archive import Archive
from tests.simulators.orders import approved


def run(*words: str) -> Result:
    app = typer.Typer()
    for module in (destruction, backup):
        module.register(app)
    return CliRunner().invoke(app, list(words), catch_exceptions=True)


@pytest.fixture
async def files(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and a trust file."""
    archive = Archive()
    await archive.new_ingest_key()
    await archive.collected("rec-1")
    await archive.forget("rec-1")
    await archive.new_ingest_key()
    await archive.sweep()
    x = await archive.vault.public_key(CERTIFICATES_KEY)
    trust = Trust(certificates=(TrustedKey(kid=thumbprint("Ed25519", x), x=x),))
    certificate, trusted = tmp_path / "rec-1.jws", tmp_path / "trust.json"
    certificate.write_text(next(iter(archive.certificates.certificates.values())) + "\n")
    trusted.write_text(trust.dump())
    return certificate, trusted


def test_a_good_certificate_is_shown_with_what_it_does_not_cover(files: tuple[Path, Path]) -> None:
    result = run("certificate", "verify", str(files[0]), "--trust", str(files[1]))
    assert result.exit_code == 0
    for words in ("rec-1", "dangan-core", "Vault answered", "not covered", "signature is good", "per:one, per:two"):
        assert words in result.output


def test_a_bad_certificate_or_file_is_an_error(files: tuple[Path, Path], tmp_path: Path) -> None:
    text = files[0].read_text()
    files[0].write_text(text[:-10] + ("A" if text[-10] != "A" else "B") + text[-9:])
    for file, code in ((files[0], "DG-CER-00"), (tmp_path / "none", "DG-CER-001"), (files[1], "DG-CER-001")):
        result = run("certificate", "verify", str(file), "--trust", str(files[1]))
        assert isinstance(result.exception, DanganError)
        assert result.exception.code.startswith(code)


def test_the_horizon_is_the_installations_or_unknown(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert [place.until for place in horizon(settings, now=100)] == [None]
    (tmp_path / "horizon.toml").write_text('[[place]]\nname = "disks"\nholds = "raft"\nkeep_days = 2\n')
    assert [(place.place, place.until) for place in horizon(settings, now=100)] == [("disks", 100 + 2 * 86400)]
    (tmp_path / "horizon.toml").write_text('[[place]]\nname = "disks"\n')
    with pytest.raises(DanganError, match="DG-SWP-011"):
        horizon(settings, now=100)


@pytest.mark.flow
async def test_forget_sweep_certify_backup_and_restore_with_the_roles_own_tokens(stack: Stack, tmp_path: Path) -> None:
    """As the role ``sweeper``: its policy is enough, and no more is used."""
    settings = stack.settings
    uri, name, into = settings.mongo_uri.get_secret_value(), f"t{uuid.uuid4().hex[:8]}", f"r{uuid.uuid4().hex[:8]}"
    mine = settings.model_copy(
        update={"mongo_database": name, "home": tmp_path, "backup_places": (tmp_path / "a", tmp_path / "b")}
    )
    async with (
        connect(uri, name) as database,
        connect(uri, into) as target,
        transit_of(settings, settings.token_file("sweeper")) as transit,
        transit_of(settings, settings.token_file("worker")) as worker,
        KeyRing(worker, Pages(database)) as ring,
    ):
        slots = await ring.allocate("cohort", [(f"rec-{at}", tuple(Level)) for at in range(3)])
        await Records(database).insert(
            [
                Record(
                    f"rec-{at}",
                    "sub",
                    1,
                    Level.CORE,
                    "cohort",
                    "service",
                    "contract",
                    {},
                    {level: slot.ref for level, slot in keys.items()},
                    "command",
                    "sys:crm",
                    (),
                    1,
                )
                for at, keys in enumerate(slots)
            ]
        )
        folder = await make_backup(database, tmp_path / "backups", now=int(time.time()), on_progress=_silent)
        work = Destruction(mine, database, transit)
        await work.forgetter.forget(["rec-1"], approved("rec-1", at=int(time.time())), at=int(time.time()))
        waiting = {plan.root: plan.waiting for plan in await work.plan()}
        assert waiting.pop(SEALED_ROOT) == 0  # nothing of it was ever sealed
        assert set(waiting.values()) == {1}
        outcome = await work.sweep()
        assert len(outcome.sweeps) == 5
        assert [file.stem for file in (tmp_path / "certificates").iterdir()] == list(outcome.certificates)
        assert {plan.waiting for plan in await work.plan()} == {0}
        with pytest.raises(DanganError, match="DG-SWP-010"):
            await work.sweep(["nonsense"])
        places = [DirectoryPlace(place) for place in mine.backup_places]
        report = await Restore(folder, database, target, transit, places, _silent).run()
        assert (report.restored, report.destroyed, report.unreadable) == (2, 1, [])
        await database.client.drop_database(name)
        await target.client.drop_database(into)


def _silent(_what: str, _done: int, _total: int | None) -> None:
    return
