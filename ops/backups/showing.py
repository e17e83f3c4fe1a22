"""What the commands of backups, restores and drills show: bars, and tables of what was missed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from ops.backups.schedule import Missed

#: Told (what, done, in all or None).
OnProgress = Callable[[str, int, int | None], None]


def show_missed(missed: list[Missed]) -> None:
    """A table of what was missed, or that nothing was."""
    console = Console()
    if not missed:
        console.print("nothing is overdue")
        return
    table = Table("what", "since", "about")
    for each in missed:
        table.add_row(each.what, utc(each.since) if each.since else "never", each.about)
    console.print(table)


def utc(seconds: int) -> str:
    """A time of UNIX seconds for people."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def bars() -> Progress:
    """Progress on the terminal, gone at the end."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


class Told:
    """One bar for each collection."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, name: str, done: int, total: int | None) -> None:
        """Move the collection's bar."""
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total)
        self._bars.update(self._tasks[name], completed=done, total=total)
