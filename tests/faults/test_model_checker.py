"""TLC over docs/spec: the protocol holds in every reachable state, and without its fence it does not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "docs" / "spec"
COUNTEREXAMPLE = 12  # TLC's exit status when a safety property is violated

pytestmark = [pytest.mark.fault, pytest.mark.clause("DES-07")]


def checked(*constants: str) -> tuple[int, str]:
    """TLC's exit status and what it printed."""
    argv = [sys.executable, str(ROOT / ".ci" / "model_checker.py"), *constants]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode == 3:
        pytest.skip(done.stdout.strip())
    return done.returncode, done.stdout + done.stderr


def states(output: str) -> int:
    """How many distinct states a complete search went through."""
    assert "Model checking completed. No error has been found." in output, output[-2000:]
    return int(re.findall(r"(\d+) distinct states found, 0 states left", output)[-1])


@pytest.mark.parametrize(
    ("constants", "at_least"),
    [
        (("Backups=FALSE",), 100_000),
        (('Arrivals={"a"}',), 500_000),  # with backup and restore; the message of the destroyed record comes again
    ],
)
def test_with_all_of_the_protocol_both_properties_hold(constants: tuple[str, ...], at_least: int) -> None:
    status, output = checked(*constants)
    assert status == 0, output[-2000:]
    assert states(output) >= at_least


@pytest.mark.parametrize(
    ("switch", "more", "violated"),
    [
        ("Fence", ("Backups=FALSE",), "CertifiedUnreadable"),
        ("FrozenSet", ("Backups=FALSE",), "CertifiedUnreadable"),
        ("Confirm", ("Backups=FALSE",), "NoSurvivorLost"),
        ("CopyFirst", (), "NoSurvivorLost"),
        ("AllPlaces", (), "NoSurvivorLost"),
    ],
)
def test_without_one_of_its_lines_a_counterexample_is_found(switch: str, more: tuple[str, ...], violated: str) -> None:
    status, output = checked(f"{switch}=FALSE", *more)
    assert status == COUNTEREXAMPLE, output[-2000:]
    assert f"Invariant {violated} is violated." in output
    kept = (SPEC / f"without-{switch}.txt").read_text("utf-8")
    assert f"Invariant {violated} is violated." in kept
    assert kept.count("\nState ") >= 10


def test_every_constant_of_the_specification_has_a_value() -> None:
    declared = re.search(r"^CONSTANTS\n(.*?)\n\n", (SPEC / "ShredSweep.tla").read_text("utf-8"), re.M | re.S)
    assert declared is not None
    names = re.findall(r"^  (\w+),? ", declared[1], re.M)
    config = (SPEC / "ShredSweep.cfg").read_text("utf-8")
    assert names
    assert [name for name in names if f"  {name} = " not in config] == []
