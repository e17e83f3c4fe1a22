"""The embedded services survive what fault tests do to them, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pymongo import MongoClient

from ops.embedded import kafka
from ops.embedded.kafka_jars import ensure_jars, missing_for_broker
from ops.embedded.process import find
from ops.embedded.program import ALL, Service
from ops.embedded.programs import markers
from ops.embedded.stack import Stack
from ops.embedded.state import home_lock, load_state, save_state
from ops.vault_admin import VaultAdmin
from schemas.errors import DanganError

pytestmark = pytest.mark.flow


@pytest.mark.fault
async def test_the_broker_keeps_acknowledged_messages_through_kill_9(stack: Stack) -> None:
    if stack.kafka_kind == "mock":
        pytest.skip("the mock cluster keeps nothing")
    servers = stack.settings.kafka_bootstrap
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    await producer.start()
    sent = [await producer.send_and_wait("archive.admin", b"%d" % n, partition=0) for n in range(50)]
    await producer.stop()
    stack.kill9(Service.KAFKA)
    assert stack.pid(Service.KAFKA) is None
    stack.restart(Service.KAFKA)
    assert stack.settings.kafka_bootstrap == servers
    consumer = AIOKafkaConsumer(bootstrap_servers=servers)
    await consumer.start()
    partition = TopicPartition("archive.admin", 0)
    consumer.assign([partition])
    consumer.seek(partition, sent[0].offset)
    got = [(await consumer.getone()).value for _ in sent]
    await consumer.stop()
    assert got == [b"%d" % n for n in range(50)]


@pytest.mark.fault
def test_the_store_keeps_acknowledged_documents_through_kill_9(stack: Stack) -> None:
    uri = stack.settings.mongo_uri.get_secret_value()
    with MongoClient[dict[str, object]](uri) as client:
        client.faults.kept.insert_many([{"_id": n} for n in range(100)])
        stack.kill9(Service.MONGO)
        stack.restart(Service.MONGO)
        assert client.faults.kept.count_documents({}) == 100


@pytest.mark.fault
def test_vault_is_unsealed_again_after_kill_9(stack: Stack) -> None:
    with VaultAdmin(stack.address(Service.VAULT), stack.root_token) as root:
        made = root.call("POST", "/transit/encrypt/dangan-core", {"plaintext": "a2VwdA=="})
        stack.kill9(Service.VAULT)
        with pytest.raises(DanganError):
            root.status("GET", "/sys/health")
        stack.restart(Service.VAULT)
        back = root.call("POST", "/transit/decrypt/dangan-core", {"ciphertext": made["data"]["ciphertext"]})
    assert back["data"]["plaintext"] == "a2VwdA=="


def test_no_secret_is_in_a_command_line_variable_or_log(stack: Stack) -> None:
    folder = stack.data_dir(Service.VAULT).parent
    secrets = [(folder / name).read_text().strip() for name in ("unseal.key", "root.token")]
    secrets += [stack.settings.token_file("worker").read_text()]
    for service in stack.services:
        process = psutil.Process(stack.pid(service))
        seen = " ".join([*process.cmdline(), *process.environ().values(), stack.log_path(service).read_text()])
        assert not any(secret in seen for secret in secrets)
    for name in ("unseal.key", "root.token"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600


def test_services_listen_on_loopback_only(stack: Stack) -> None:
    for service in stack.services:
        listening = [
            one.laddr.ip
            for one in psutil.Process(stack.pid(service)).net_connections("tcp")
            if one.status == psutil.CONN_LISTEN
        ]
        assert listening
        assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}


def test_starting_twice_adopts_what_runs_and_stopping_twice_is_stopping_once(tmp_path: Path) -> None:
    with Stack.start(tmp_path, [Service.VAULT]) as first:
        pid = first.pid(Service.VAULT)
        second = Stack.start(tmp_path, [Service.VAULT], keep=True)
        assert second.pid(Service.VAULT) == pid
        assert second.services == (Service.VAULT,)
    first.stop()
    assert second.pid(Service.VAULT) is None
    with Stack.start(tmp_path, [Service.VAULT]) as again:
        assert again.address(Service.VAULT) == first.address(Service.VAULT)


def test_a_vault_whose_ports_were_taken_moves_and_keeps_its_data(tmp_path: Path) -> None:
    with Stack.start(tmp_path, [Service.VAULT]) as stack:
        before = stack.settings.token_file("worker").read_text()
    state = load_state(tmp_path)
    known = state.services[Service.VAULT]
    state.services[Service.VAULT] = known.model_copy(update={"ports": {}})
    save_state(tmp_path, state)
    with Stack.start(tmp_path, [Service.VAULT]) as moved:
        assert moved.address(Service.VAULT) != f"http://127.0.0.1:{known.ports['vault']}"
        assert moved.settings.token_file("worker").read_text() == before


def test_an_initialisation_cut_short_begins_again(tmp_path: Path) -> None:
    with Stack.start(tmp_path, [Service.VAULT]):
        pass
    (tmp_path / "vault" / "unseal.key").unlink()
    (tmp_path / "vault" / "initialising").touch()
    with Stack.start(tmp_path, [Service.VAULT]) as stack:
        assert stack.pid(Service.VAULT) is not None


def test_a_lost_unseal_key_is_said_and_nothing_is_deleted(tmp_path: Path) -> None:
    with Stack.start(tmp_path, [Service.VAULT]) as stack:
        data = stack.data_dir(Service.VAULT)
    (tmp_path / "vault" / "unseal.key").unlink()
    with pytest.raises(DanganError) as refused:
        Stack.start(tmp_path, [Service.VAULT])
    assert refused.value.code == "DG-OPS-009"
    assert (data / "vault.db").exists()
    assert find(*markers(tmp_path)) == []


def test_one_command_at_a_time_works_on_a_home(tmp_path: Path) -> None:
    with home_lock(tmp_path), pytest.raises(DanganError) as refused:
        Stack.start(tmp_path, [Service.MONGO])
    assert refused.value.code == "DG-OPS-007"


def test_two_stacks_start_at_once(tmp_path: Path) -> None:
    def start(name: str) -> Stack:
        return Stack.start(tmp_path / name, [Service.MONGO, Service.VAULT])

    with ThreadPoolExecutor(2) as pool:
        stacks = list(pool.map(start, ["a", "b"]))
    try:
        addresses = {stack.address(service) for stack in stacks for service in stack.services}
        assert len(addresses) == 4
    finally:
        for stack in stacks:
            stack.stop()


@pytest.mark.parametrize("moment", ["starting", "started"])
def test_services_end_with_a_launcher_that_was_killed(tmp_path: Path, moment: str) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom ops.embedded.stack import Stack\n"
        "Stack.start(Path(sys.argv[1]), ['mongo', 'vault'])\nprint('started', flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as launcher:
        assert launcher.stdout is not None
        if moment == "started":
            assert launcher.stdout.readline() == b"started\n"
        else:
            _until(lambda: len(find(*markers(tmp_path))) > 0)
        os.kill(launcher.pid, signal.SIGKILL)
    _until(lambda: find(*markers(tmp_path)) == [])
    assert Stack.attach(tmp_path).pid(Service.MONGO) is None


def test_a_service_that_was_not_recorded_is_found_and_stopped(tmp_path: Path) -> None:
    with Stack.start(tmp_path, [Service.MONGO]) as stack:
        pid = stack.pid(Service.MONGO)
        (tmp_path / "state.json").unlink()
        Stack.attach(tmp_path).stop()
        assert pid is not None
        assert not psutil.pid_exists(pid)


def test_the_mock_cluster_serves_and_says_what_it_is(tmp_path: Path) -> None:
    said: list[str] = []
    with Stack.start(tmp_path, [Service.KAFKA], kafka="mock", on_step=said.append) as stack:
        assert stack.kafka_kind == "mock"
        assert any("nothing in it survives" in line for line in said)
        with pytest.raises(DanganError) as refused:
            stack.restart(Service.KAFKA)
        assert refused.value.code == "DG-OPS-018"
        with pytest.raises(DanganError) as other:
            Stack.start(tmp_path, [Service.KAFKA], kafka="broker")
        assert other.value.code == "DG-OPS-021"
        assert stack.pid(Service.KAFKA) is not None, "the refused start left the running one alone"


async def test_the_mock_cluster_takes_and_gives_messages(tmp_path: Path) -> None:
    with Stack.start(tmp_path, [Service.KAFKA], kafka="mock") as stack:
        servers = stack.settings.kafka_bootstrap
        producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
        await producer.start()
        await producer.send_and_wait("archive.collect", b"x", headers=[("ce_id", b"1")])
        await producer.stop()
        for _ in range(2):  # the second finds the offset that the first committed
            consumer = AIOKafkaConsumer(
                "archive.collect",
                bootstrap_servers=servers,
                group_id="g",
                auto_offset_reset="earliest",
                enable_auto_commit=False,
            )
            await consumer.start()
            got = await consumer.getmany(timeout_ms=3000)
            await consumer.commit()
            await consumer.stop()
            if _ == 0:
                assert [message.value for messages in got.values() for message in messages] == [b"x"]
            else:
                assert got == {}


def test_an_unknown_service_is_refused(stack: Stack, tmp_path: Path) -> None:
    with pytest.raises(DanganError) as refused:
        Stack.attach(tmp_path).address(Service.KAFKA)
    assert refused.value.code == "DG-OPS-017"
    assert set(stack.services) == set(ALL)
    assert requests.get(f"{stack.address(Service.VAULT)}/v1/sys/health").status_code == 200


def _until(condition: object, seconds: float = 30) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(missing_for_broker() is not None, reason="needs Java and Kafka's jars")
def test_storage_is_formatted_once_and_each_home_has_ids_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    really = subprocess.run

    def run(argv: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
        calls.append(argv)
        return really(argv, **more)

    ensure_jars(print)
    monkeypatch.setattr(kafka, "formatted_folder", lambda: tmp_path / "formatted")
    monkeypatch.setattr(kafka.subprocess, "run", run)
    said = []
    for name in ("a", "b"):
        broker = kafka.KafkaBroker(tmp_path / name)
        broker.prepare({"kafka": 1, "controller": 2}, print)
        said.append(dict(line.split("=", 1) for line in (broker.data / "meta.properties").read_text().splitlines()))
        assert {file.name for file in broker.data.iterdir()} == {
            file.name for file in (tmp_path / "formatted").iterdir()
        }
        broker.prepare({"kafka": 1, "controller": 2}, print)
        assert said[-1]["cluster.id"] in (broker.data / "meta.properties").read_text()
    assert len([argv for argv in calls if "format" in argv]) == 1
    assert said[0]["cluster.id"] != said[1]["cluster.id"]
    assert said[0]["directory.id"] != said[1]["directory.id"]
