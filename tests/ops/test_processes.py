"""Processes are signalled only when they are the ones that were started; ports stay out of harm's way."""

from __future__ import annotations

import dataclasses
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.embedded.ports import free_ports, is_free
from ops.embedded.process import Process, find, launch
from schemas.errors import DanganError


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Process]:
    marker = f"{tmp_path}/marker"
    program = "import time; print('up', flush=True); time.sleep(60)"
    process = launch(
        [sys.executable, "-c", program, marker], marker=marker, folder=tmp_path, log=tmp_path / "service.log"
    )
    yield process
    process.kill()


def test_a_process_is_found_stopped_and_gone(sleeper: Process) -> None:
    assert sleeper.alive()
    assert find(sleeper.marker) == [sleeper]
    sleeper.stop(5)
    assert not sleeper.alive()
    assert find(sleeper.marker) == []
    sleeper.stop(5)


def test_kill_leaves_no_zombie(sleeper: Process) -> None:
    sleeper.kill()
    with pytest.raises(ChildProcessError):
        os.waitpid(sleeper.pid, os.WNOHANG)


@pytest.mark.parametrize("change", [{"created": 1.0}, {"marker": "/somebody/else"}])
def test_a_recycled_process_id_is_not_touched(sleeper: Process, change: dict[str, object]) -> None:
    stranger = dataclasses.replace(sleeper, **change)  # type: ignore[arg-type]
    assert not stranger.alive()
    stranger.kill()
    stranger.stop(1)
    assert sleeper.alive()


def test_it_is_detached_and_its_environment_is_not_ours(
    sleeper: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert os.getsid(sleeper.pid) == sleeper.pid
    assert (tmp_path / "service.log").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("SOME_CANARY", "canary")
    program = "import os, sys; print('SOME_CANARY' in os.environ, os.environ['GIVEN'])"
    process = launch(
        [sys.executable, "-c", program, "m2"],
        marker="m2",
        folder=tmp_path,
        log=tmp_path / "other.log",
        env={"GIVEN": "given"},
    )
    deadline = time.monotonic() + 10
    while process.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (tmp_path / "other.log").read_text() == "False given\n"


def test_only_the_process_that_listens_counts(sleeper: Process) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not is_free(port)
        assert not sleeper.listens_on(port)


def test_ports_are_distinct_and_below_those_of_outgoing_connections() -> None:
    ports = free_ports([str(n) for n in range(50)])
    assert len(set(ports.values())) == 50
    assert all(15_000 <= port <= 32_000 for port in ports.values())


def test_a_port_used_before_is_kept_while_it_is_free() -> None:
    before = free_ports(["a"])
    assert free_ports(["a"], before) == before
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", before["a"]))
        taken.listen()
        assert free_ports(["a"], before) != before


def test_no_free_port_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.embedded.ports.is_free", lambda _: False)
    with pytest.raises(DanganError) as refused:
        free_ports(["kafka"])
    assert refused.value.code == "DG-OPS-006"


def test_a_process_is_known_from_its_first_moment(tmp_path: Path) -> None:
    """Between exec and the new command line the kernel shows none: one launch in three was taken for a stranger."""
    for _ in range(40):
        process = launch(["sh", "-c", "sleep 9", "m3"], marker="m3", folder=tmp_path, log=tmp_path / "log")
        known = process.alive()
        process.kill()
        assert known
