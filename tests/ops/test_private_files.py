"""Secrets lie in files of their owner only, and what others read is there whole."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops import cli
from ops.audited import desk
from ops.config import load_settings
from ops.embedded.stack import Stack
from ops.private_files import private, write_private
from ops.provision import provision, trust_file
from schemas.errors import DanganError
from schemas.trust import load_trust


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o644, 0o601])
def test_a_token_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "admin.token"
    write_private(file, "token")
    assert private(file) == file
    file.chmod(mode)
    with pytest.raises(DanganError, match="DG-OPS-020"):
        private(file)
    with pytest.raises(DanganError, match="DG-OPS-020"):
        private(tmp_path / "none.token")


def test_a_mongo_address_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mongo.uri"
    write_private(file, "mongodb://user:secret@db.example.org\n")
    environ = {"DANGAN_MONGO_URI_FILE": str(file)}
    assert load_settings(tmp_path, environ).mongo_uri.get_secret_value().endswith("@db.example.org")
    file.chmod(0o644)
    with pytest.raises(DanganError, match="DG-OPS-011") as refused:
        load_settings(tmp_path, environ)
    assert refused.value.field == "mongo_uri_file"
    assert "secret" not in str(refused.value)


def test_a_reader_never_meets_half_a_file(tmp_path: Path) -> None:
    file, texts = tmp_path / "trust.json", ("a" * 200_000, "b" * 100_000)
    write_private(file, texts[0], mode=0o644)
    assert file.stat().st_mode & 0o777 == 0o644
    done = threading.Event()

    def write() -> None:
        for at in range(100):
            write_private(file, texts[at % 2], mode=0o644)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert file.read_text() in texts
    writer.join()


@pytest.mark.flow
async def test_the_desk_and_the_worker_refuse_an_open_token(stack: Stack, tmp_path: Path) -> None:
    opened = tmp_path / "tokens"
    opened.mkdir()
    (opened / "admin.token").write_text(stack.settings.token_file("admin").read_text())
    (opened / "admin.token").chmod(0o644)
    settings = stack.settings.model_copy(update={"vault_token_dir": opened})
    with pytest.raises(DanganError, match="DG-OPS-020"):
        async with desk(settings):
            pass
    with pytest.raises(DanganError, match="DG-OPS-020"):
        await provision(settings)
    environ = {"DANGAN_VAULT_TOKEN_DIR": str(opened)}
    result = CliRunner().invoke(cli.build(), ["worker", "--home", str(stack.home), "--role", "admin"], env=environ)
    assert isinstance(result.exception, DanganError)
    assert result.exception.code == "DG-OPS-020"


@pytest.mark.flow
async def test_the_trust_file_is_replaced_whole(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    await provision(stack.settings)
    file = trust_file(stack.settings)
    before = file.stat().st_ino
    monkeypatch.setattr(Path, "write_text", lambda *_: pytest.fail("written in place"))
    await provision(stack.settings)
    assert file.stat().st_ino != before
    assert file.stat().st_mode & 0o777 == 0o644
    load_trust(file.read_bytes())


@pytest.mark.flow
def test_the_tail_says_once_that_nothing_is_verified(stack: Stack) -> None:
    told = CliRunner().invoke(cli.build(), ["audit", "tail", "--no-follow", "--home", str(stack.home), "--json"])
    assert told.exit_code == 0
    assert told.stderr.replace("\n", " ").count("not verified") == 1
    assert "not verified" not in told.stdout
