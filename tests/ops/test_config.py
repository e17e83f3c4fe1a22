"""Settings: defaults, file, variables, in this order; secrets in neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from ops.config import load_settings, settings_file, write_settings
from ops.private_files import write_private
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.settings import Settings


def test_defaults_lie_below_home(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})
    assert settings.home == tmp_path
    assert settings.token_file("worker") == tmp_path / "vault" / "tokens" / "worker.token"
    assert settings.backup_places == (tmp_path / "backups" / "a", tmp_path / "backups" / "b")
    assert settings.levels == (Level.CORE, Level.SENSITIVE, Level.BASIC)


def test_a_variable_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    settings_file(tmp_path).write_text('kafka_bootstrap = "file:1"\nkey_cache_entries = 5\n')
    settings = load_settings(tmp_path, {"DANGAN_KAFKA_BOOTSTRAP": "variable:1"})
    assert settings.kafka_bootstrap == "variable:1"
    assert settings.key_cache_entries == 5
    assert settings.batches_in_flight == Settings().batches_in_flight


def test_lists_in_variables_are_comma_separated(tmp_path: Path) -> None:
    environ = {"DANGAN_LEVELS": "basic, sensitive", "DANGAN_BACKUP_PLACES": "/a,b"}
    settings = load_settings(tmp_path, environ)
    assert settings.levels == (Level.BASIC, Level.SENSITIVE)
    assert settings.backup_places == (Path("/a"), tmp_path / "b")


@pytest.mark.parametrize("name", ["DANGAN_VAULT_TOKEN", "DANGAN_ROOT_TOKEN", "DANGAN_MONGO_PASSWORD"])
def test_a_secret_in_the_environment_is_refused_without_repeating_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(DanganError) as refused:
        load_settings(tmp_path, {name: "hvs.canary"})
    assert refused.value.code == "DG-OPS-012"
    assert refused.value.field == name
    assert "canary" not in str(refused.value) + refused.value.next_step


@pytest.mark.parametrize("where", ["file", "variable"])
def test_a_password_in_the_mongo_address_is_refused(tmp_path: Path, where: str) -> None:
    uri = "mongodb://user:canary@host/"
    if where == "file":
        settings_file(tmp_path).write_text(f'mongo_uri = "{uri}"\n')
    with pytest.raises(DanganError) as refused:
        load_settings(tmp_path, {"DANGAN_MONGO_URI": uri} if where == "variable" else {})
    assert refused.value.code == "DG-OPS-012"
    assert "canary" not in str(refused.value)


def test_a_password_comes_from_a_file_and_is_not_shown(tmp_path: Path) -> None:
    write_private(tmp_path / "uri", "mongodb://user:canary@host/\n")
    settings = load_settings(tmp_path, {"DANGAN_MONGO_URI_FILE": "uri"})
    assert settings.mongo_uri.get_secret_value() == "mongodb://user:canary@host/"
    assert "canary" not in repr(settings) + str(settings)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("kafka_botstrap = 'x'", "kafka_botstrap"),
        ("key_cache_entries = 'soon'", "key_cache_entries"),
        ("levels = ['secret']", "levels.0"),
        ("levels = ['basic', 'basic']", "levels"),
        ("transit_mount = '../sys'", "transit_mount"),
        ("kafka_bootstrap = ", None),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, field: str | None) -> None:
    settings_file(tmp_path).write_text(text)
    with pytest.raises(DanganError) as refused:
        load_settings(tmp_path, {})
    assert refused.value.code == "DG-OPS-011"
    assert refused.value.field == field


def test_writing_keeps_other_settings_and_any_text(tmp_path: Path) -> None:
    settings_file(tmp_path).write_text('mongo_database = "档案 \\"1\\""\nbackup_places = ["x", "y"]\n')
    write_settings(tmp_path, {"vault_addr": "http://127.0.0.1:1"})
    settings = load_settings(tmp_path, {})
    assert settings.mongo_database == '档案 "1"'
    assert settings.backup_places == (tmp_path / "x", tmp_path / "y")
    assert settings.vault_addr == "http://127.0.0.1:1"
    assert settings_file(tmp_path).stat().st_mode & 0o777 == 0o600


def test_settings_do_not_change(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        load_settings(tmp_path, {}).home = Path("/")  # type: ignore[misc]


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
