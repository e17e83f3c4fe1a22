"""The embedded services of one home, started together, stopped by process id.

    with Stack.start(home) as stack:
        settings = stack.settings        # bootstrap is done: topics, keys, tokens
        stack.kill9(Service.KAFKA)
        stack.restart(Service.KAFKA)     # same port, same data; Vault is unsealed again

Nothing restarts a service by itself: fault tests say when.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from ops.bootstrap import bootstrap
from ops.config import load_settings, settings_file, write_settings
from ops.embedded.kafka_mock import KafkaMock
from ops.embedded.launcher import PortTakenError, await_ready, check_disk, start_program
from ops.embedded.process import Process, find
from ops.embedded.program import ALL, Program, Say, Service
from ops.embedded.programs import KafkaKind, kind_of, markers, program_of
from ops.embedded.state import ServiceState, State, home_lock, load_state, save_state
from ops.embedded.vault import Vault
from ops.embedded.watchdog import start_watchdog
from ops.private_files import private_folder
from schemas.errors import DanganError
from schemas.settings import Settings

_GRACE_SECONDS = 20.0
#: What a home for trying out sets shorter than an installation whose senders are far away.
_TRIAL_SETTINGS: dict[str, str | float] = {"ingest_drain_seconds": 5.0, "profile": "trial"}


class Stack:
    """The services of a home. Make one with :meth:`start` or :meth:`attach`."""

    def __init__(self, home: Path, state: State) -> None:
        self.home = home
        self._state = state
        self._saving = threading.Lock()
        self._programs = {service: program_of(home, service, known.kind) for service, known in state.services.items()}

    @classmethod
    def start(
        cls,
        home: Path,
        with_: Sequence[Service] = ALL,
        *,
        kafka: KafkaKind = "auto",
        on_step: Say | None = None,
        keep: bool = False,
    ) -> Self:
        """Start services (those that run already are left alone), wait until they are ready, bootstrap them.

        Args:
            home: the folder for their data, logs, settings and tokens.
            with_: which services.
            kafka: a real broker, the mock cluster, or the broker where Java and Maven are present.
            on_step: told what happens, in words; called from several threads.
            keep: let the services outlive this process; otherwise they are stopped when it ends, however it ends.

        Raises:
            DanganError: DG-OPS-0xx; what this call had started is stopped again.
        """
        say = on_step or (lambda _: None)
        home = private_folder(home.expanduser().absolute())
        with home_lock(home):
            check_disk(home)
            stack = cls(home, load_state(home))
            before = {service for service in stack.services if stack.pid(service) is not None}
            if keep:
                stack._unwatch()
            elif not before:
                stack._watch()
            try:
                stack._start_all(tuple(dict.fromkeys(Service(service) for service in with_)), kafka, say)
                stack._bootstrap(say)
            except BaseException:
                stack._stop_all(but=before)
                raise
        return stack

    @classmethod
    def attach(cls, home: Path) -> Self:
        """The services that an earlier :meth:`start` in this home recorded, running or not."""
        home = home.expanduser().absolute()
        return cls(home, load_state(home))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        self.stop()

    @property
    def settings(self) -> Settings:
        """How to reach the services: the settings file of this home, read anew."""
        return load_settings(self.home)

    @property
    def services(self) -> tuple[Service, ...]:
        """The services started here, running or not."""
        return tuple(self._state.services)

    @property
    def kafka_kind(self) -> str | None:
        """``broker`` or ``mock``; None without Kafka."""
        known = self._state.services.get(Service.KAFKA)
        return known.kind if known is not None else None

    @property
    def root_token(self) -> SecretStr:
        """The embedded Vault's root token: for bootstrap and for attacks with full Vault rights in tests."""
        return self._vault().root_token()

    @property
    def vault_audit_log(self) -> Path:
        """The embedded Vault's own audit trail."""
        return self._vault().audit_log

    def kind(self, service: Service) -> str:
        """Which program serves: ``broker`` or ``mock`` for Kafka, ``secantusd``, ``openbao``."""
        return self._program(service).kind

    def address(self, service: Service) -> str:
        """How clients reach a service."""
        return self._program(service).address(self._state.services[service].ports)

    def data_dir(self, service: Service) -> Path:
        """Where a service stores what it is given, and nothing else."""
        return self._program(service).data

    def log_path(self, service: Service) -> Path:
        """Where a service's output goes."""
        return self._program(service).log

    def pid(self, service: Service) -> int | None:
        """The process id of a running service; None if it does not run."""
        process = self._process(service)
        return process.pid if process is not None and process.alive() else None

    def kill9(self, service: Service) -> None:
        """End a service as a crash would (SIGKILL), and wait until its process is gone."""
        if (process := self._process(service)) is not None:
            process.kill()

    def terminate(self, service: Service, grace_seconds: float = _GRACE_SECONDS) -> None:
        """Stop a service in good order (SIGTERM), by force after the grace time."""
        if (process := self._process(service)) is not None:
            process.stop(grace_seconds)

    def restart(self, service: Service) -> None:
        """Start a service again on the same ports and data, and wait until it is ready (Vault: unsealed).

        Raises:
            DanganError: DG-OPS-018 for the mock cluster; DG-OPS-004 to 006 if the service does not come up.
        """
        program = self._program(service)
        if program.kind == KafkaMock.kind:
            raise DanganError("DG-OPS-018")
        self.terminate(service)
        known = self._state.services[service]
        program.prepare(known.ports, lambda _: None)
        log_start = program.log.stat().st_size
        process = program.launch()
        state = known.model_copy(update={"pid": process.pid, "created": process.created})
        self._record(service, state)
        try:
            await_ready(program, process, state, log_start)
        except PortTakenError as error:
            # Clients hold the old address: moving to another port would be no restart.
            raise DanganError("DG-OPS-006", detail=f"the port of {service} was taken meanwhile") from error

    def stop(self) -> None:
        """Stop every service of this home; stopping twice is stopping once."""
        if not self.home.is_dir():
            return
        with home_lock(self.home):
            self._state = load_state(self.home)
            self._stop_all()
            # Those that a launcher killed at the wrong moment started and did not record.
            for leftover in find(*markers(self.home)):
                leftover.stop()

    def _start_all(self, wanted: Sequence[Service], kafka: KafkaKind, say: Say) -> None:
        for service in wanted:
            known = self._state.services.get(service)
            self._programs[service] = program_of(self.home, service, kind_of(service, kafka, known))

        def start(service: Service) -> None:
            program = self._programs[service]
            private_folder(program.folder)
            known = self._state.services.get(service)
            state = start_program(program, known, lambda new: self._record(service, new), say)
            say(f"{service} is ready at {program.address(state.ports)}")

        with ThreadPoolExecutor(max_workers=len(ALL)) as pool:
            started = [pool.submit(start, service) for service in wanted]
        for each in started:
            each.result()

    def _bootstrap(self, say: Say) -> None:
        running = {service for service in self._state.services if self.pid(service) is not None}
        if not settings_file(self.home).exists():
            write_settings(self.home, _TRIAL_SETTINGS)
        write_settings(self.home, {_ADDRESS_SETTING[service]: self.address(service) for service in running})
        bootstrap(
            self.settings,
            vault_token=self.root_token if Service.VAULT in running else None,
            topics=Service.KAFKA in running,
            topics_declared=self.kafka_kind != KafkaMock.kind,
            say=say,
        )

    def _stop_all(self, but: Collection[Service] = ()) -> None:
        stopping = {service: known for service, known in self._state.services.items() if service not in but}
        with ThreadPoolExecutor(max_workers=len(ALL)) as pool:
            for known in stopping.values():
                if (process := known.process()) is not None:
                    pool.submit(process.stop, _GRACE_SECONDS)
        for service, known in stopping.items():
            self._state.services[service] = known.model_copy(update={"pid": None, "created": 0.0})
        if not but:
            self._unwatch()
        save_state(self.home, self._state)

    def _record(self, service: Service, state: ServiceState) -> None:
        with self._saving:
            self._state.services[service] = state
            save_state(self.home, self._state)

    def _watch(self) -> None:
        """Have the services stopped when this process is gone: from before the first of them is started."""
        self._unwatch()
        dog = start_watchdog(self.home)
        self._state.watchdog = ServiceState(kind="watchdog", pid=dog.pid, created=dog.created, marker=dog.marker)
        save_state(self.home, self._state)

    def _unwatch(self) -> None:
        if (watchdog := self._state.watchdog) is None:
            return
        self._state.watchdog = None
        process = watchdog.process()
        # The watchdog itself may be what stops the services: it ends by itself.
        if process is not None and process.pid != os.getpid():
            process.kill()

    def _program(self, service: Service) -> Program:
        if service not in self._state.services or service not in self._programs:
            raise DanganError("DG-OPS-017", detail=str(service))
        return self._programs[service]

    def _process(self, service: Service) -> Process | None:
        known = self._state.services.get(service)
        return known.process() if known is not None else None

    def _vault(self) -> Vault:
        program = self._program(Service.VAULT)
        assert isinstance(program, Vault)  # noqa: S101 - for the type checker: _program() makes nothing else
        return program


_ADDRESS_SETTING = {Service.KAFKA: "kafka_bootstrap", Service.MONGO: "mongo_uri", Service.VAULT: "vault_addr"}
