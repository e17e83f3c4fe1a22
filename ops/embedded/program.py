"""What the launcher needs to know of a service: its files, its command line, and when it is ready."""

from __future__ import annotations

import shutil
import sysconfig
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from ops.embedded.process import Process, launch
from schemas.errors import DanganError

Say = Callable[[str], None]
Ports = Mapping[str, int]


class Service(StrEnum):
    """The services that can be started."""

    KAFKA = "kafka"
    MONGO = "mongo"
    VAULT = "vault"


ALL: tuple[Service, ...] = tuple(Service)


class Program(ABC):
    """One service as a program on this machine.

    Args:
        folder: the service's own folder below the home: its data, settings and log.
    """

    service: Service
    kind: str
    port_names: tuple[str, ...]
    ready_seconds: float = 60

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def data(self) -> Path:
        """Where the service stores what it is given, and nothing else."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.folder / "service.log"

    @property
    @abstractmethod
    def marker(self) -> str:
        """The argument of its command line that no other process has."""

    @abstractmethod
    def prepare(self, ports: Ports, say: Say) -> None:
        """Make its folders, settings and storage; may take long the first time."""

    @abstractmethod
    def command(self) -> list[str]:
        """Its command line; no secret stands in it."""

    @abstractmethod
    def is_ready(self, ports: Ports) -> bool:
        """Whether it serves requests, doing what that still needs (as unsealing)."""

    @abstractmethod
    def address(self, ports: Ports) -> str:
        """How clients reach it."""

    def launch(self) -> Process:
        """Start it; it is not ready yet."""
        return launch(self.command(), marker=self.marker, folder=self.folder, log=self.log)


def installed_program(name: str) -> str:
    """The path of a program that a Python package brought, or of one on the search path.

    Raises:
        DanganError: DG-OPS-008 if it is not installed.
    """
    beside = Path(sysconfig.get_path("scripts")) / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise DanganError("DG-OPS-008", detail=f"{name} is missing")
    return found
