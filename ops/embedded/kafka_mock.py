"""Kafka without Java: librdkafka's mock cluster, in a process of its own.

What it lacks: nothing survives its end, its port is its own choice, retention and compaction do nothing, and its
topics cannot be created or described with settings (one springs up with 4 partitions when first asked for). Produce,
fetch, consumer groups and committed offsets work. For a machine without Java or Maven; never for a claim of durability.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from confluent_kafka import Producer

from ops.embedded.kafka import answers
from ops.embedded.process import Process, launch_module
from ops.embedded.program import Ports, Program, Say, Service
from ops.private_files import private_folder, write_private


class KafkaMock(Program):
    """The mock cluster; its address is known when it has written it to a file."""

    service = Service.KAFKA
    kind = "mock"
    port_names = ()

    @property
    def marker(self) -> str:
        """The file it writes its address to."""
        return str(self.folder / "mock.bootstrap")

    def prepare(self, ports: Ports, say: Say) -> None:  # noqa: ARG002
        """Remove the address of an earlier one."""
        private_folder(self.data)
        Path(self.marker).unlink(missing_ok=True)
        say("no real Kafka broker: the mock cluster is used, and nothing in it survives a restart")

    def command(self) -> list[str]:
        """Its arguments; :meth:`launch` adds the interpreter."""
        return [self.marker]

    def launch(self) -> Process:
        """Start it as a module of this package."""
        return launch_module(__name__, self.command(), marker=self.marker, folder=self.folder, log=self.log)

    def is_ready(self, ports: Ports) -> bool:
        """Whether it has told its address and answers there."""
        return Path(self.marker).is_file() and answers(self.address(ports))

    def address(self, ports: Ports) -> str:  # noqa: ARG002
        """Its bootstrap servers."""
        return Path(self.marker).read_text(encoding="utf-8").strip()


def hold(bootstrap_file: Path) -> None:
    """Keep a mock cluster until this process is ended."""
    # The mock replaces the address given here.
    client = Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 3})
    brokers = client.list_topics(timeout=10).brokers.values()
    write_private(bootstrap_file, ",".join(f"{broker.host}:{broker.port}" for broker in brokers))
    threading.Event().wait()


if __name__ == "__main__":
    hold(Path(sys.argv[1]))
