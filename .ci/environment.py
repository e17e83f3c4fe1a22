"""Make the virtual environment .venv from requirements.lock, once, also when several make targets ask at once.

Only the standard library is used: this runs before anything is installed. A stamp in the environment holds the
digest of what it was made from; a lock on a file makes the second caller wait for the first.
"""

import fcntl
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".made-from"
PIP = (str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")


def main() -> None:
    """Bring the environment up to date."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the one place where an older Python may arrive
        sys.exit(f"dangan needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try: make PYTHON=python3.12")
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = digest()
        if STAMP.exists() and STAMP.read_text() == wanted:
            return
        print("Installing what requirements.lock names into .venv (once; a minute or two)", flush=True)
        STAMP.unlink(missing_ok=True)
        venv.create(VENV, with_pip=True, symlinks=True, clear=not same_python())
        run("--require-hashes", "-r", "requirements.lock")
        run("--no-deps", "--no-build-isolation", "--editable", ".")
        STAMP.write_text(wanted)


def digest() -> str:
    """What the environment is made from: the lock, the project's metadata and the Python release."""
    parts = [(ROOT / name).read_bytes() for name in ("requirements.lock", "pyproject.toml")]
    return hashlib.sha256(b"\0".join([*parts, release().encode()])).hexdigest()


def same_python() -> bool:
    """Whether an environment is there that was made with this Python."""
    config = VENV / "pyvenv.cfg"
    return config.exists() and f"version = {release()}" in config.read_text()


def release() -> str:
    """This Python's release, for instance ``3.11.9``."""
    return ".".join(str(part) for part in sys.version_info[:3])


def run(*arguments: str) -> None:
    """Run pip's install; end with its status if it fails."""
    status = subprocess.run([*PIP, *arguments], cwd=ROOT, check=False).returncode
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
