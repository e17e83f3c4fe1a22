"""What runs in a home: written before a service is ready, so that a launcher killed half-way leaves a trace."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ops.embedded.process import Process
from ops.embedded.program import Service
from ops.private_files import private_folder, write_private
from schemas.errors import DanganError


class ServiceState(BaseModel):
    """One service: its kind, its ports, and its process if one was started."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    ports: dict[str, int] = Field(default_factory=dict)
    pid: int | None = None
    created: float = 0.0
    marker: str = ""

    def process(self) -> Process | None:
        """The recorded process, whether or not it still runs."""
        return None if self.pid is None else Process(self.pid, self.created, self.marker)


class State(BaseModel):
    """The state file of a home."""

    model_config = ConfigDict(extra="forbid")

    services: dict[Service, ServiceState] = Field(default_factory=dict)
    watchdog: ServiceState | None = None


def state_file(home: Path) -> Path:
    """Where a home's state is kept."""
    return home / "state.json"


def load_state(home: Path) -> State:
    """Read a home's state; empty if there is none.

    Raises:
        DanganError: DG-OPS-016 if the file is not what it should be.
    """
    try:
        return State.model_validate_json(state_file(home).read_bytes())
    except FileNotFoundError:
        return State()
    except (OSError, ValidationError) as error:
        raise DanganError("DG-OPS-016", detail=str(state_file(home))) from error


def save_state(home: Path, state: State) -> None:
    """Replace a home's state file."""
    write_private(state_file(home), state.model_dump_json(indent=1) + "\n")


@contextmanager
def home_lock(home: Path) -> Iterator[None]:
    """Let one command at a time start or stop services in a home; the lock ends with its process.

    Raises:
        DanganError: DG-OPS-007 if another one holds it.
    """
    private_folder(home)
    with (home / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DanganError("DG-OPS-007", detail=str(home)) from error
        yield
