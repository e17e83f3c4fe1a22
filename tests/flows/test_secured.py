"""Everything over TLS: a whole life with a login to Kafka, and clients that are refused for the right reason."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keys.vault import transit_of
from ops.config import load_settings, settings_file, write_settings
from ops.doctor import examine
from ops.private_files import private_folder, write_private
from ops.topic_setup import topic_differences
from ops.vault_admin import VaultAdmin
from schemas.errors import DanganError
from schemas.settings import Settings
from schemas.topics import topic_specs
from streams.kafka import kafka_of
from tests.harness.house import House
from tests.harness.life import Text, live
from tests.harness.secured import PASSWORD, USER, Authority, Secured, secured_services
from tests.harness.workers import Worker

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Kafka and Vault with secured listeners."""
    with secured_services(tmp_path_factory.mktemp("secured")) as services:
        yield services


def password_file(folder: Path, password: str = PASSWORD) -> str:
    file = folder / "kafka.password"
    write_private(file, password + "\n")
    return str(file)


def login(secured: Secured, folder: Path) -> dict[str, str]:
    """Settings to log in over TLS, with Vault over TLS."""
    ca = str(secured.authority.file)
    return {
        "kafka_bootstrap": secured.login, "kafka_security": "sasl_tls", "kafka_ca_file": ca, "kafka_username": USER,
        "kafka_password_file": password_file(folder), "vault_addr": secured.vault, "vault_ca_file": ca,
    }  # fmt: skip


@pytest.mark.clause("SHR-07", "COL-19", "SEC-01")
def test_a_life_with_every_connection_over_tls(secured: Secured, tmp_path: Path) -> None:
    house = House.open(secured.stack, "", tmp_path, **login(secured, tmp_path))
    with Worker(house.settings.home, "secured") as worker:
        worker.wait_started()
        live(house, Text())
    house.run("audit", "verify")
    shown = [file.read_text("utf-8", "replace") for file in house.settings.home.rglob("*") if file.is_file()]
    assert not any(PASSWORD in text for text in shown)


def of(secured: Secured, folder: Path, **changes: str | None) -> Settings:
    """Settings with changes; None takes one out."""
    home = private_folder(folder / "home")
    values = {**login(secured, folder), "vault_token_dir": str(secured.stack.settings.vault_token_dir), **changes}
    settings_file(home).unlink(missing_ok=True)
    write_settings(home, {name: value for name, value in values.items() if value is not None})
    return load_settings(home, {})


async def reaches(settings: Settings) -> None:
    """One question to Kafka, until the connections that it took are gone: aiokafka does not wait for a refused one.

    Raises:
        DanganError: DG-OPS-019 when there is no answer.
    """
    loop: Any = asyncio.get_running_loop()
    try:
        await topic_differences(kafka_of(settings), topic_specs(settings.topic_partitions), 1)
    finally:
        async with asyncio.timeout(10):
            while any(each._sock is not None for each in loop._transports.values()):  # asyncio's own list
                await asyncio.sleep(0.01)


async def test_a_login_by_a_plain_password_and_one_by_a_certificate(secured: Secured, tmp_path: Path) -> None:
    await reaches(of(secured, tmp_path, kafka_sasl_mechanism="PLAIN"))
    pem, key = secured.authority.issue("client")
    certificate = {"kafka_certificate_file": str(pem), "kafka_key_file": str(key)}
    without_login = {"kafka_username": None, "kafka_password_file": None}
    mutual = {"kafka_bootstrap": secured.mutual, "kafka_security": "tls", **without_login}
    await reaches(of(secured, tmp_path, **mutual, **certificate))
    with pytest.raises(DanganError) as refused:
        await reaches(of(secured, tmp_path, **mutual))
    assert refused.value.code == "DG-OPS-019"
    pem, key = Authority(tmp_path / "other").issue("client")
    with pytest.raises(DanganError) as refused:
        await reaches(of(secured, tmp_path, **mutual, kafka_certificate_file=str(pem), kafka_key_file=str(key)))
    assert refused.value.code == "DG-OPS-019"


@pytest.mark.parametrize("wrong", ["password", "authority", "system authorities", "name", "no login", "plaintext"])
async def test_kafka_is_not_reached_with_anything_wrong(secured: Secured, tmp_path: Path, wrong: str) -> None:
    no_login: dict[str, str | None] = {"kafka_username": None, "kafka_password_file": None}
    changes: dict[str, dict[str, str | None]] = {
        "password": {"kafka_password_file": password_file(private_folder(tmp_path / "p"), "wrong-horse-8")},
        "authority": {"kafka_ca_file": str(Authority(tmp_path / "other").file)},
        "system authorities": {"kafka_ca_file": None},
        "name": {"kafka_bootstrap": secured.login.replace("127.0.0.1", "localhost")},
        "no login": {"kafka_security": "tls", **no_login},
        "plaintext": {"kafka_security": None, "kafka_ca_file": None, **no_login},
    }
    begun = time.monotonic()
    with pytest.raises(DanganError) as refused:
        await reaches(of(secured, tmp_path, **changes[wrong]))
    assert refused.value.code == "DG-OPS-019"
    assert time.monotonic() - begun < 30
    assert PASSWORD not in str(refused.value)


async def test_vault_is_reached_by_its_authority_alone(secured: Secured, tmp_path: Path) -> None:
    settings = of(secured, tmp_path)
    async with transit_of(settings, settings.token_file("worker")) as vault:
        assert await vault.latest_version("dangan-core") >= 1
    other = str(Authority(tmp_path / "other").file)
    for changes in ({"vault_ca_file": other}, {"vault_ca_file": None}):
        settings = of(secured, tmp_path, **changes)
        async with transit_of(settings, settings.token_file("worker")) as vault:
            with pytest.raises(DanganError) as refused:
                await vault.latest_version("dangan-core")
        assert refused.value.code == "DG-KEY-001"


def test_administrators_reach_vault_by_its_authority_alone(secured: Secured, tmp_path: Path) -> None:
    with VaultAdmin(secured.vault, authorities=secured.authority.file) as vault:
        assert vault.status("GET", "/sys/health")[0] == 200
    for other in (Authority(tmp_path / "other").file, None):
        with VaultAdmin(secured.vault, authorities=other) as vault, pytest.raises(DanganError) as refused:
            vault.status("GET", "/sys/health")
        assert refused.value.code == "DG-OPS-019"
    with VaultAdmin(secured.vault.replace("127.0.0.1", "localhost"), authorities=secured.authority.file) as vault:
        with pytest.raises(DanganError) as refused:
            vault.status("GET", "/sys/health")
        assert refused.value.code == "DG-OPS-019"


def test_what_the_worker_sends_cannot_be_read_on_the_way(secured: Secured) -> None:
    """The secured port answers nobody who does not begin with TLS."""
    host, _, port = secured.login.partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as plain:
        plain.sendall(b"\x00\x00\x00\x14\x00\x12\x00\x00\x00\x00\x00\x01\x00\x05plain\x00\x00\x00")
        plain.settimeout(5)
        try:
            answer = plain.recv(64)
        except ConnectionError:
            answer = b""
    assert answer == b"" or answer[0] == 0x15  # a TLS alert


def _written(home: Path, changes: dict[str, Any]) -> Path:
    write_settings(home, {name: str(value) for name, value in changes.items()})
    return home


def test_settings_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    home = private_folder(tmp_path)
    secret = password_file(home)
    for values in (
        {"kafka_security": "sasl_tls"},
        {"kafka_security": "sasl_tls", "kafka_username": USER},
        {"kafka_username": USER, "kafka_password_file": secret},
        {"kafka_ca_file": "ca.pem"},
        {"kafka_security": "tls", "kafka_certificate_file": "c.pem"},
        {"kafka_security": "open"},
        {"kafka_security": "tls", "kafka_username": USER, "kafka_password_file": secret},
        {"kafka_password_file": secret},
        {"vault_ca_file": "ca.pem", "vault_addr": "http://vault.bank.example:8200"},
        {"kafka_ca_file": 5},
        {"kafka_security": "sasl_tls", "kafka_username": USER, "kafka_password_file": "none"},
    ):
        (home / "dangan.toml").write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
        with pytest.raises(DanganError) as refused:
            load_settings(home, {})
        assert refused.value.code == "DG-OPS-011", values
    for told, environ in (
        ({"kafka_password": PASSWORD}, {}),
        ({}, {"DANGAN_KAFKA_PASSWORD": PASSWORD}),
        ({}, {"DANGAN_MONGO_URI": f"mongodb://m/?tls=true&tlsCertificateKeyFilePassword={PASSWORD}"}),
    ):
        (home / "dangan.toml").write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in told.items()))
        with pytest.raises(DanganError) as refused:
            load_settings(home, environ)
        assert refused.value.code == "DG-OPS-012"
    Path(secret).chmod(0o644)
    named = {"kafka_security": "sasl_tls", "kafka_username": USER, "kafka_password_file": secret}
    (home / "dangan.toml").write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in named.items()))
    with pytest.raises(DanganError) as refused:
        load_settings(home, {})
    assert (refused.value.code, refused.value.field) == ("DG-OPS-011", "kafka_password_file")
    Path(secret).chmod(0o600)
    Path(secret).write_text("\n")
    with pytest.raises(DanganError) as refused:
        load_settings(home, {})
    assert (refused.value.code, refused.value.field) == ("DG-OPS-011", "kafka_password_file")
    Path(secret).write_text(PASSWORD)
    empty = {"DANGAN_POLICIES": "", "DANGAN_VAULT_CA_FILE": "", "DANGAN_KAFKA_CA_FILE": ""}
    assert load_settings(home, empty).policies is None
    settings = load_settings(home, {})
    assert PASSWORD not in repr(settings)
    assert PASSWORD not in repr(kafka_of(settings))
    assert PASSWORD not in settings.model_dump_json()
    for name in ("kafka_ca_file", "vault_ca_file"):
        changes = {name: tmp_path / "none.pem", "vault_addr": "https://127.0.0.1:1"}
        broken = settings.model_copy(update=changes)
        assert all(
            each.verdict != "ok" for each in examine(_written(home, changes)) if each.check in ("Kafka", "Vault")
        )
        with pytest.raises(DanganError) as refused:
            kafka_of(broken) if name == "kafka_ca_file" else transit_of(broken, lambda: "t")
        assert (refused.value.code, refused.value.field) == ("DG-OPS-011", name)
