"""The launcher's answers to collisions, early ends, full disks and stuck programs, on a small program of our own."""

from __future__ import annotations

import shutil
import socket
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.embedded.launcher import check_disk, start_program
from ops.embedded.process import find
from ops.embedded.program import Ports, Program, Say, Service
from ops.embedded.state import ServiceState
from ops.private_files import private_folder
from schemas.errors import DanganError

SERVE = (
    "import socket, sys, time; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);"
    "s.bind(('127.0.0.1', int(sys.argv[1]))); s.listen(); time.sleep(60)"
)


class Small(Program):
    """Listens on one port; runs other code where a test says so."""

    service = Service.MONGO
    kind = "small"
    port_names = ("main",)
    ready_seconds = 10
    code = SERVE
    forced: tuple[int, ...] = ()
    _port = 0

    @property
    def marker(self) -> str:
        return str(self.data)

    def prepare(self, ports: Ports, say: Say) -> None:
        private_folder(self.data)
        self._port = ports["main"]

    def command(self) -> list[str]:
        port, self.forced = (self.forced[0], self.forced[1:]) if self.forced else (self._port, ())
        return [sys.executable, "-c", self.code, str(port), self.marker]

    def is_ready(self, ports: Ports) -> bool:
        return True

    def address(self, ports: Ports) -> str:
        return f"127.0.0.1:{ports['main']}"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Small]:
    small = Small(tmp_path)
    yield small
    for process in find(small.marker):
        process.kill()


def _start(program: Program, before: ServiceState | None = None) -> tuple[ServiceState, list[ServiceState], list[str]]:
    records: list[ServiceState] = []
    said: list[str] = []
    return start_program(program, before, records.append, said.append), records, said


def test_it_is_recorded_before_it_is_ready_and_adopted_afterwards(program: Small) -> None:
    state, records, _ = _start(program)
    assert records == [state]
    again, records, said = _start(program, state)
    assert again == state
    assert records == []
    assert said == ["mongo is already running"]


def test_a_port_taken_meanwhile_is_replaced(program: Small) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        program.forced = (taken.getsockname()[1],)
        state, records, said = _start(program)
    assert len(records) == 2
    assert any("taken" in line for line in said)
    process = state.process()
    assert process is not None
    assert process.listens_on(state.ports["main"])


def test_a_stranger_that_answers_on_our_port_is_not_taken_for_the_service(program: Small) -> None:
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        program.code = "import time; time.sleep(60)"
        program.ready_seconds = 0.5
        with pytest.raises(DanganError) as refused:
            _start(program)
    assert refused.value.code == "DG-OPS-005"
    assert find(program.marker) == []


@pytest.mark.parametrize(
    ("says", "code"),
    [("it broke", "DG-OPS-004"), ("write failed: No space left on device", "DG-OPS-003")],
)
def test_an_early_end_is_told_with_the_log(program: Small, says: str, code: str) -> None:
    program.code = f"import sys; sys.exit({says!r})"
    with pytest.raises(DanganError) as refused:
        _start(program)
    assert refused.value.code == code
    assert str(program.log) in str(refused.value)


def test_an_unrecorded_leftover_is_ended_first(program: Small) -> None:
    first, _, _ = _start(program)
    second, _, said = _start(program, None)
    assert second.pid != first.pid
    assert any("leftover" in line for line in said)
    assert [process.pid for process in find(program.marker)] == [second.pid]


def test_a_stuck_one_is_replaced(program: Small) -> None:
    state, _, _ = _start(program)
    stuck = Small(program.folder)
    stuck.ready_seconds = 0.3
    answers = iter([False] * 3)
    stuck.is_ready = lambda ports: next(answers, True)  # type: ignore[method-assign]
    ports_moved = state.model_copy(update={"ports": {"main": 1}})
    again, _, _ = _start(stuck, ports_moved)
    assert again.pid != state.pid


def test_a_full_disk_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 1000))
    with pytest.raises(DanganError) as refused:
        check_disk(tmp_path)
    assert refused.value.code == "DG-OPS-003"
