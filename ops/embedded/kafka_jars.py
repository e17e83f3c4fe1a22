"""The Kafka broker's jars: fetched once by Maven, kept in a cache that all homes and runs share.

The cache folder appears by one rename when it is complete, so an interrupted download leaves nothing that looks
usable, and two runs at once either wait for each other (file lock) or find it done.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from ops.embedded.program import Say
from ops.private_files import private_folder
from schemas.errors import DanganError

KAFKA_VERSION = "4.1.1"
_OLDEST_JAVA = 17
_MAVEN_SECONDS = 900


def java_version() -> int | None:
    """The major version of the Java on the search path, or None."""
    java = shutil.which("java")
    if java is None:
        return None
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=30)
    found = re.search(r'version "(\d+)', told.stderr + told.stdout)
    return int(found.group(1)) if found else None


def cache_folder() -> Path:
    """Where the jars are kept: ``$XDG_CACHE_HOME/dangan``, by default ``~/.cache/dangan``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dangan" / f"kafka-{KAFKA_VERSION}"


def missing_for_broker() -> str | None:
    """What keeps a real broker from being started here, in words; None if nothing does."""
    version = java_version()
    if version is None:
        return "Java is not installed"
    if version < _OLDEST_JAVA:
        return f"Java {version} is too old, Kafka needs {_OLDEST_JAVA}"
    if not cache_folder().is_dir() and shutil.which("mvn") is None:
        return "Maven is not installed"
    return None


def ensure_jars(say: Say) -> Path:
    """The folder with the broker's jars, fetched now if they are not there yet.

    Raises:
        DanganError: DG-OPS-001 without Java or Maven, DG-OPS-002 if Maven fails.
    """
    folder = cache_folder()
    if folder.is_dir():
        return folder
    if (missing := missing_for_broker()) is not None:
        raise DanganError("DG-OPS-001", detail=missing)
    private_folder(folder.parent)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the process, whatever ends it
        if folder.is_dir():
            return folder
        for leftover in folder.parent.glob(f"{folder.name}.part-*"):
            shutil.rmtree(leftover, ignore_errors=True)  # we hold the lock: nobody is writing it
        say(f"fetching Kafka {KAFKA_VERSION} with Maven (43 MB, once)")
        part = Path(tempfile.mkdtemp(prefix=f"{folder.name}.part-", dir=folder.parent))
        try:
            _fetch(part)
            (part / "jars").rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder


def _fetch(part: Path) -> None:
    # Maven may write beside the project file, and the package's folder may be read-only: work on a copy.
    shutil.copy(Path(__file__).with_name("kafka-pom.xml"), part / "pom.xml")
    jars = part / "jars"
    argv = ["mvn", "-q", "-B", "-f", str(part / "pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_MAVEN_SECONDS, cwd=part)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DanganError("DG-OPS-002", detail=type(error).__name__) from error
    if done.returncode != 0 or not (jars / f"kafka_2.13-{KAFKA_VERSION}.jar").is_file():
        errors = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
        raise DanganError("DG-OPS-002", detail=errors[0][:300] if errors else f"mvn ended with {done.returncode}")
