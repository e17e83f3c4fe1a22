"""A real Kafka broker in KRaft mode: broker and controller in one JVM, on 127.0.0.1 only.

Durability, said plainly: with one broker ``acks=all`` means that the record is in the operating system's page cache.
``kill -9`` of the broker loses nothing, because the page cache is the kernel's; a power failure may lose the last
seconds. Real installations get theirs from three brokers, not from an fsync for each message.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ops.embedded.kafka_jars import cache_folder, ensure_jars
from ops.embedded.program import Ports, Program, Say, Service
from ops.private_files import private_folder, write_private
from schemas.errors import DanganError

_SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners=PLAINTEXT://127.0.0.1:{kafka},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{kafka}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
message.max.bytes=2097152
log.retention.check.interval.ms=60000
# After kill -9 the controller holds the old registration until its session ends: the default of 9 s is a long restart.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""

_META = "meta.properties"

#: Environment variable with more options for the JVM. Tests say -XX:TieredStopAtLevel=1: what lives for seconds is not
#: worth optimising.
JAVA_VARIABLE: Final = "DANGAN_EMBEDDED_JAVA_OPTIONS"

_LOG4J2 = """\
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %-5p %c{1} %m%n
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=INFO
"""

_JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true")  # fmt: skip


class KafkaBroker(Program):
    """One broker with its controller."""

    service = Service.KAFKA
    kind = "broker"
    port_names = ("kafka", "controller")
    _jars: Path

    @property
    def marker(self) -> str:
        """Its settings file."""
        return str(self.folder / "server.properties")

    def prepare(self, ports: Ports, say: Say) -> None:
        """Fetch the jars if need be, write the settings, format the storage once."""
        self._jars = ensure_jars(say)
        private_folder(self.folder)
        write_private(self.folder / "log4j2.properties", _LOG4J2)
        write_private(Path(self.marker), _SERVER_PROPERTIES.format(data=self.data, **ports))
        if not (self.data / _META).is_file():
            self._format()

    def command(self) -> list[str]:
        """See :class:`Program`."""
        return [*self._java(*self._classes()), "kafka.Kafka", self.marker]

    def is_ready(self, ports: Ports) -> bool:
        """Whether the broker is registered with its controller."""
        return answers(self.address(ports))

    def address(self, ports: Ports) -> str:
        """Its bootstrap server."""
        return f"127.0.0.1:{ports['kafka']}"

    def _java(self, *options: str) -> list[str]:
        java = shutil.which("java")
        if java is None:
            raise DanganError("DG-OPS-001", detail="Java is not installed")
        log4j = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        more = shlex.split(os.environ.get(JAVA_VARIABLE, ""))
        return [java, *_JVM, *options, *more, log4j, "-cp", f"{self._jars}/*"]

    def _classes(self) -> list[str]:
        """Options about the archive of classes (kafka_classes.py)."""
        archive = class_archive()
        return [] if archive is None else [f"-XX:SharedArchiveFile={archive}"]

    def _format(self) -> None:
        # meta.properties is written last: without it whatever lies here is half a format, never data.
        shutil.rmtree(self.data, ignore_errors=True)
        formatted = formatted_folder()
        if not (formatted / _META).is_file():
            self._format_once(formatted)
        private_folder(self.data)
        for file in formatted.iterdir():
            if file.name != _META:
                write_private(self.data / file.name, file.read_bytes())
        told = dict(line.split("=", 1) for line in (formatted / _META).read_text("ascii").splitlines() if "=" in line)
        told |= {"cluster.id": _new_id(), "directory.id": _new_id()}
        write_private(self.data / _META, "".join(f"{name}={value}\n" for name, value in told.items()))

    def _format_once(self, into: Path) -> None:
        """Let Kafka format a folder that every home's storage is then a copy of, but for its ids: that saves a JVM."""
        private_folder(into.parent)
        shutil.rmtree(self.data, ignore_errors=True)
        private_folder(self.data)
        quick_start = "-XX:TieredStopAtLevel=1"
        argv = [*self._java(quick_start), "kafka.tools.StorageTool", "format", "-t", _new_id(), "-c", self.marker]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode != 0:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise DanganError("DG-OPS-004", detail=f"formatting Kafka's storage: {' '.join(last)[:300]}")
        part = Path(tempfile.mkdtemp(prefix=f"{into.name}.part-", dir=into.parent))
        for file in self.data.iterdir():
            shutil.copy(file, part / file.name)
        with contextlib.suppress(OSError):  # another run was quicker, and its folder is as good
            part.rename(into)
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(self.data)


def formatted_folder() -> Path:
    """Where a formatted storage is kept, beside the jars; another one for other settings of the broker."""
    of = hashlib.sha256(_SERVER_PROPERTIES.encode()).hexdigest()[:12]
    return cache_folder().parent / f"{cache_folder().name}-formatted-{of}"


def class_archive() -> Path | None:
    """Where Kafka's classes are kept for the Java on the search path, beside the jars; None where they are not.

    The name ends with the size: a JVM does not survive an archive that was cut short.
    """
    for found in cache_folder().parent.glob(f"{classes_name()}.*.jsa"):
        if found.suffixes[-2:-1] == [f".{found.stat().st_size}"]:
            return found
    return None


def classes_name() -> str:
    """How the archive's name begins: another one for another Java or Kafka."""
    java = Path(shutil.which("java") or "java").resolve()
    of = hashlib.sha256(f"{java} {java.stat().st_mtime_ns if java.exists() else 0}".encode()).hexdigest()[:12]
    return f"{cache_folder().name}-classes-{of}"


def _new_id() -> str:
    """A random id as Kafka writes them: 16 bytes in base64 for addresses, not beginning with a hyphen."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "d")


def answers(bootstrap: str, seconds: float = 1.0) -> bool:
    """Whether a Kafka cluster answers there with at least one broker."""
    quiet: dict[str, str | int | float | bool] = {
        "bootstrap.servers": bootstrap,
        "log_level": 0,
        "socket.timeout.ms": 1000,
    }
    try:
        return bool(AdminClient(quiet).list_topics(timeout=seconds).brokers)
    except KafkaException:
        return False
