"""E1 to E3: verifying a long audit trail beside only parsing and hashing it, its memory, and the size of one proof."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from benchmarks.audit_chain import Trail, write_trail
from benchmarks.bench import Bench
from benchmarks.rows import Row, Side, Target

_ROOT: Final = Path(__file__).resolve().parents[1]
_DANGAN: Final = ("-c", "from ops.cli import main; main()")
_FLOOR: Final = (
    "-c",
    "import sys, hashlib, orjson\n"
    "for line in open(sys.argv[1], 'rb'):\n"
    "    orjson.loads(line)\n"
    "    hashlib.sha256(line).digest()\n",
)


class Used(NamedTuple):
    """What a process used: processor seconds, user and system, by the kernel; its highest memory seen, in MiB."""

    seconds: float
    mib: float


async def audit_rows(bench: Bench) -> AsyncIterator[list[Row]]:
    """Measure on one trail; the two sides are processes of their own and take turns."""
    folder = bench.scene.settings.home
    trail = await write_trail(folder, bench.plan.events)
    bench.say(f"audit trail of {trail.events:,} events, {trail.file.stat().st_size / 2**20:,.0f} MiB")
    ours, floor = await _both(bench, trail)
    yield [
        Row("E1", f"dangan audit verify, {trail.events:,} events, processor time",
            Side("verify", "s", tuple(used.seconds for used in ours)),
            Side("orjson.loads and SHA-256 of each line", "s", tuple(used.seconds for used in floor)),
            Target(3, 1.5, at_least=False),
            notes="Whole processes, start and progress bar included; nothing but the file and the trust file is read."),
        Row("E2", "highest memory of E1", Side("verify", "MiB", tuple(used.mib for used in ours)),
            target=Target(150, 60, at_least=False),
            notes="Resident, the highest of fifty samples a second."),
    ]  # fmt: skip
    size, used = await asyncio.to_thread(_prove, trail, folder / "bench.proof")
    bench.say(f"one proof: {size} bytes, made in {used.seconds:.1f} s and {used.mib:.0f} MiB")
    yield [
        Row("E3", f"dangan audit prove, one of {trail.events:,} events",
            Side("proof", "bytes", (float(size),)), target=Target(4096, 2048, at_least=False),
            notes="The whole file: the event itself, the writer's certificate, the path, the signed checkpoint. Under "
            f"the chain's last checkpoint, the longest path. Made in {used.seconds:.1f} s, {used.mib:.0f} MiB.",
            more={"seconds": used.seconds, "mib": used.mib}),
    ]  # fmt: skip
    trail.file.unlink()


def _prove(trail: Trail, out: Path) -> tuple[int, Used]:
    """Prove an event of the middle under the last checkpoint; return the proof's size in bytes, and what it took."""
    note = out.with_suffix(".note")
    note.write_bytes(trail.last_checkpoint)
    files = ("--in", str(trail.file), "--checkpoint", str(note), "--trust", str(trail.trust), "--out", str(out))
    used = _run((*_DANGAN, "audit", "prove", trail.sample, *files))
    return out.stat().st_size, used


async def _both(bench: Bench, trail: Trail) -> tuple[list[Used], list[Used]]:
    verify = (*_DANGAN, "audit", "verify", str(trail.file), "--trust", str(trail.trust))
    parse = (*_FLOOR, str(trail.file))
    ours: list[Used] = []
    floor: list[Used] = []
    for at in range(bench.plan.repetitions):
        turns = [(ours, verify), (floor, parse)]
        for samples, arguments in turns[:: -1 if at % 2 else 1]:
            samples.append(await asyncio.to_thread(_run, arguments))
        bench.say(f"verify {ours[-1].seconds:.2f} s and {ours[-1].mib:.0f} MiB; floor {floor[-1].seconds:.2f} s")
    return ours, floor


def _run(arguments: Sequence[str]) -> Used:
    """Run a Python process to its end, looking at its resident memory fifty times a second.

    The kernel's own maximum (ru_maxrss) will not do: it holds the memory of the process that started it as well.

    Raises:
        RuntimeError: when it ends with another status than 0.
    """
    child = subprocess.Popen(
        [sys.executable, *arguments], cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    process, highest = psutil.Process(child.pid), 0
    while True:
        ended, status, usage = os.wait4(child.pid, os.WNOHANG)
        if ended:
            break
        with suppress(psutil.Error):
            highest = max(highest, process.memory_info().rss)
        time.sleep(0.02)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"ended with status {child.returncode}")
    return Used(usage.ru_utime + usage.ru_stime, highest / 2**20)
