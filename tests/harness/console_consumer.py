"""Kafka's own console consumer: a reader of the stream that nobody here wrote. Its jar is fetched once by Maven."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from pathlib import Path

from ops.embedded.kafka_jars import KAFKA_VERSION, cache_folder, ensure_jars

_MAIN = "org.apache.kafka.tools.consumer.ConsoleConsumer"
_JVM = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")


def console_consumer(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """The first ``count`` values of a topic, as the console consumer prints them, one a line.

    Raises:
        RuntimeError: when it fails, or cannot be fetched.
    """
    classes = f"{ensure_jars(lambda _: None)}/*:{_tools_jar()}"
    java = shutil.which("java") or "java"
    argv = [java, *_JVM, "-cp", classes, _MAIN, "--bootstrap-server", bootstrap, "--topic", topic]
    argv += ["--from-beginning", "--max-messages", str(count), "--timeout-ms", "20000"]
    done = subprocess.run(argv, capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"the console consumer ended with {done.returncode}: {done.stderr[-300:]!r}")
    return done.stdout.splitlines()


def _tools_jar() -> Path:
    """The jar of Kafka's command line tools, in the cache beside the broker's; complete or not there."""
    folder = cache_folder().parent
    jar = folder / f"kafka-tools-{KAFKA_VERSION}.jar"
    with (folder / f"{jar.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jar.is_file():
            with tempfile.TemporaryDirectory(dir=folder) as part:
                artifact = f"-Dartifact=org.apache.kafka:kafka-tools:{KAFKA_VERSION}"
                argv = ["mvn", "-q", "-B", "dependency:copy", artifact, f"-DoutputDirectory={part}"]
                done = subprocess.run(argv, capture_output=True, check=False, timeout=300, cwd=part)
                if done.returncode != 0:
                    raise RuntimeError(f"Maven ended with {done.returncode}: {done.stdout[-300:]!r}")
                (Path(part) / jar.name).rename(jar)
    return jar
