"""Read the settings: defaults, then ``HOME/dangan.toml``, then ``DANGAN_*`` variables; secrets from files only."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from ops.private_files import read_by_others, write_private
from schemas.errors import DanganError
from schemas.settings import Settings

_PREFIX = "DANGAN_"
_SECRET_ENDINGS = ("TOKEN", "PASSWORD", "SECRET", "UNSEAL_KEY")
_TUPLES = {"levels", "backup_places"}
_HEADER = "# Settings of this installation. `dangan up` renews the addresses and keeps the rest.\n"


def default_home() -> Path:
    """The home to use when none is named: ``DANGAN_HOME``, or ``.dangan`` below the current folder."""
    return Path(os.environ.get("DANGAN_HOME") or ".dangan").expanduser().absolute()


def load_settings(home: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of an installation.

    Args:
        home: its folder; by default :func:`default_home`.
        environ: the variables to read instead of the process's own.

    Raises:
        DanganError: DG-OPS-011 for a setting that is unknown or not valid, DG-OPS-012 for a secret outside a file.
    """
    variables = os.environ if environ is None else environ
    home = (home or default_home()).expanduser().absolute()
    values = {**_from_file(home), **_from_environment(variables), "home": home}
    _refuse_password(str(values.get("mongo_uri", "")))
    if "kafka_password" in values:
        raise DanganError("DG-OPS-012", field="kafka_password")
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or None
        raise DanganError("DG-OPS-011", field=name, detail=str(first["msg"])) from error
    if settings.kafka_key_file is not None:
        _secret_file(settings.kafka_key_file, "kafka_key_file")
    secrets = {
        name: _secret_file(file, f"{name}_file")
        for name, file in (("mongo_uri", settings.mongo_uri_file), ("kafka_password", settings.kafka_password_file))
        if file is not None
    }
    return Settings.model_validate({**values, **secrets}) if secrets else settings


def _secret_file(file: Path, setting: str) -> str:
    try:
        if read_by_others(file):
            raise DanganError("DG-OPS-011", field=setting, detail="others may read it: chmod 600")
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        detail = getattr(error, "strerror", None) or type(error).__name__
        raise DanganError("DG-OPS-011", field=setting, detail=detail) from error
    if not secret:
        raise DanganError("DG-OPS-011", field=setting, detail="the file is empty")
    return secret


def write_settings(home: Path, values: Mapping[str, str | float]) -> Path:
    """Set some settings in ``HOME/dangan.toml`` and keep the others; return the file."""
    merged = {**_from_file(home), **values}
    lines = [f"{name} = {_toml(value)}\n" for name, value in sorted(merged.items())]
    path = settings_file(home)
    write_private(path, _HEADER + "".join(lines))
    return path


def settings_file(home: Path) -> Path:
    """Where a home's settings are kept."""
    return home / "dangan.toml"


def _from_file(home: Path) -> dict[str, Any]:
    path = settings_file(home)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DanganError("DG-OPS-011", detail=f"{path}: {error}") from error


def _from_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    for name in variables:
        if name.startswith(_PREFIX) and name.endswith(_SECRET_ENDINGS):
            raise DanganError("DG-OPS-012", field=name)
    values: dict[str, Any] = {}
    for name in Settings.model_fields:
        value = variables.get(_PREFIX + name.upper())
        if value is not None and name != "home":
            values[name] = [part.strip() for part in value.split(",")] if name in _TUPLES else value
    return values


def _refuse_password(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        password = parts.password
    except ValueError:  # the driver says better what is wrong with it
        return
    if password or "tlscertificatekeyfilepassword=" in parts.query.lower():
        raise DanganError("DG-OPS-012", field="mongo_uri")


def _toml(value: Any) -> str:
    """Strings, numbers, truth values and lists of them: all that settings are. JSON writes them as TOML does."""
    return json.dumps(value, ensure_ascii=False)
