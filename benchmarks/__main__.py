"""``python -m benchmarks [--quick] [--rows A1,A5]``: measure, print the table, write build/bench.json."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.bench import bench
from benchmarks.groups import GROUPS, groups_of
from benchmarks.plan import QUICK, Plan
from benchmarks.report import show, write
from benchmarks.rows import Row, machine
from ops.logs import configure_logging

_OUT: Final = Path("build") / "bench.json"


def main() -> int:
    """Run; status 1 when a row misses what it must reach, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer records and repetitions: a look, not a judgement")
    parser.add_argument("--rows", default="", help=f"only these, comma separated; of {', '.join(GROUPS)}")
    parser.add_argument("--keep", action="store_true", help="leave the services' folder")
    options = parser.parse_args()
    plan = QUICK if options.quick else Plan()
    wanted = [name.strip() for name in options.rows.split(",") if name.strip()]
    try:
        groups_of(wanted)
    except ValueError as error:
        parser.error(str(error))
    configure_logging()
    console = Console(width=None if sys.stdout.isatty() else 180)
    about = {"started": time.time(), "quick": options.quick, **machine()}
    rows: list[Row] = []
    failures: list[str] = []
    home = Path(tempfile.mkdtemp(prefix="dangan-bench-"))
    try:
        asyncio.run(_measure(home, plan, wanted, console, rows, failures))
    finally:
        if not options.keep:
            shutil.rmtree(home, ignore_errors=True)
    show(console, rows)
    write(_OUT, rows, {**about, "failures": failures})
    console.print(f"every sample: {_OUT}")
    return 1 if failures or any(row.verdict == "missed" for row in rows) else 0


async def _measure(
    home: Path, plan: Plan, wanted: list[str], console: Console, rows: list[Row], failures: list[str]
) -> None:
    """Measure into ``rows``; what a group could not measure is told in ``failures``."""
    start = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - start:6.0f} s[/]  {text}", highlight=False)

    async with bench(home, plan, say) as made:
        for group in groups_of(wanted):
            try:
                async for more in group(made):
                    rows += [row for row in more if not wanted or row.id.startswith(tuple(wanted))]
            except Exception as error:  # noqa: BLE001 - what was measured so far is worth keeping
                console.print_exception()
                failures.append(f"{group.__name__}: {type(error).__name__}")


if __name__ == "__main__":
    sys.exit(main())
