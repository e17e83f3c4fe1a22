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
    home = Path(tempfile.mkdtemp(prefix="dangan-bench-"))
    try:
        rows = asyncio.run(_measured(home, plan, wanted, console))
    finally:
        if not options.keep:
            shutil.rmtree(home, ignore_errors=True)
    show(console, rows)
    write(_OUT, rows, about)
    console.print(f"every sample: {_OUT}")
    return 1 if any(row.verdict == "missed" for row in rows) else 0


async def _measured(home: Path, plan: Plan, wanted: list[str], console: Console) -> list[Row]:
    start = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - start:6.0f} s[/]  {text}", highlight=False)

    rows: list[Row] = []
    async with bench(home, plan, say) as made:
        for group in groups_of(wanted):
            rows += await group(made)
    return [row for row in rows if not wanted or any(row.id.startswith(name) for name in wanted)]


if __name__ == "__main__":
    sys.exit(main())
