"""Start one program and see it ready: ports, collisions, leftovers of a killed launcher, a full disk."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from ops.embedded.ports import free_ports, is_free
from ops.embedded.process import Process, find
from ops.embedded.program import Program, Say
from ops.embedded.state import ServiceState
from schemas.errors import DanganError

Record = Callable[[ServiceState], None]

_ATTEMPTS = 4
_POLL_SECONDS = 0.05
_LEAST_FREE_BYTES = 512 * 1024 * 1024
_COLLISIONS = ("address already in use", "bindexception", "failed to bind", "errno 98", "errno 48")


class PortTakenError(Exception):
    """Somebody took a chosen port before the service did."""


def check_disk(home: Path) -> None:
    """Refuse to start on a nearly full disk.

    Raises:
        DanganError: DG-OPS-003, with how much is free.
    """
    free = shutil.disk_usage(home).free
    if free < _LEAST_FREE_BYTES:
        raise DanganError("DG-OPS-003", detail=f"{free >> 20} MiB free at {home}, {_LEAST_FREE_BYTES >> 20} needed")


def start_program(program: Program, before: ServiceState | None, record: Record, say: Say) -> ServiceState:
    """Start a program, or adopt it if it runs already; return when it is ready.

    Args:
        program: what to start.
        before: its recorded state, if it ran before: its ports are kept if they are free.
        record: called with each new state as soon as there is a process, before it is ready.
        say: told what happens, for people.

    Raises:
        DanganError: DG-OPS-003 to 006, and what the program's own preparation raises.
    """
    adopted = _adopt(program, before)
    if adopted is not None:
        say(f"{program.service} is already running")
        return adopted
    for leftover in find(program.marker):
        say(f"ending a leftover {program.service} process, id {leftover.pid}")
        leftover.stop()
    preferred = before.ports if before is not None else None
    for _ in range(_ATTEMPTS):
        ports = free_ports(program.port_names, preferred)
        program.prepare(ports, say)
        log_start = program.log.stat().st_size if program.log.exists() else 0
        process = program.launch()
        state = ServiceState(
            kind=program.kind, ports=ports, pid=process.pid, created=process.created, marker=process.marker
        )
        record(state)
        try:
            await_ready(program, process, state, log_start)
        except PortTakenError:
            say(f"a port for {program.service} was taken meanwhile: choosing others")
            preferred = None
            continue
        except BaseException:
            process.stop()
            raise
        return state
    raise DanganError("DG-OPS-006", detail=f"{program.service}, {_ATTEMPTS} attempts")


def await_ready(program: Program, process: Process, state: ServiceState, log_start: int) -> None:
    """Wait until a program serves requests on its own ports.

    A stranger on our port could answer in its place, so the process itself must be what listens there.
    """
    deadline = time.monotonic() + program.ready_seconds
    while time.monotonic() < deadline:
        if not process.alive():
            raise _ended(program, log_start)
        # Ready first opens the other ports: Vault listens for its cluster only when it is unsealed.
        if (
            all(process.listens_on(state.ports[name]) for name in program.port_names[:1])
            and program.is_ready(state.ports)
            and all(process.listens_on(port) for port in state.ports.values())
        ):
            return
        time.sleep(_POLL_SECONDS)
    lost = [port for port in state.ports.values() if not process.listens_on(port) and not is_free(port)]
    process.stop()
    if lost:
        raise PortTakenError
    raise DanganError("DG-OPS-005", detail=f"{program.service}, {program.ready_seconds:.0f} s, log {program.log}")


def _adopt(program: Program, before: ServiceState | None) -> ServiceState | None:
    process = before.process() if before is not None else None
    if before is None or process is None or not process.alive():
        return None
    if before.kind != program.kind:
        raise DanganError("DG-OPS-021", detail=before.kind)
    try:
        await_ready(program, process, before, log_start=0)
    except (DanganError, PortTakenError):
        process.stop()  # half-started, or stuck: begin again
        return None
    return before


def _ended(program: Program, log_start: int) -> Exception:
    with program.log.open("rb") as file:
        file.seek(log_start)
        lines = file.read()[-8192:].decode("utf-8", "replace").splitlines()
    text = "\n".join(lines).lower()
    if any(sign in text for sign in _COLLISIONS):
        return PortTakenError()
    if "no space left on device" in text:
        return DanganError("DG-OPS-003", detail=f"{program.service}, log {program.log}")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
    return DanganError("DG-OPS-004", detail=f"{program.service}: {last[:300]}; log {program.log}")
