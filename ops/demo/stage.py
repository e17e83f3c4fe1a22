"""How the demo looks: numbered steps, progress bars, plain sentences. Sentences never hold a personal value."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


@dataclass(slots=True)
class Stage:
    """Where the story is told. ``began`` is on the clock's scale (seconds)."""

    console: Console
    clock: Callable[[], float] = time.monotonic
    began: float = field(init=False)
    _step: int = 0

    def __post_init__(self) -> None:
        self.began = self.clock()

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._step += 1
        at = self.clock() - self.began
        self.console.print()
        self.console.rule(f"[bold]{self._step}  {escape(title)}[/] [dim]{at:.0f} s[/]", align="left")

    def say(self, sentence: str) -> None:
        """Tell something."""
        self.console.print(f"  {escape(sentence)}", highlight=False)

    def command(self, line: str) -> None:
        """Show the command that a person would type for what comes now."""
        self.console.print(f"  [bold blue]$ {escape(line)}[/]", highlight=False, soft_wrap=True)

    @contextmanager
    def bar(self, what: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """A progress bar; the function it gives is told how much was done since last."""
        with self._progress() as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.advance(task, done)

    @contextmanager
    def steps(self) -> Iterator[Callable[[str, int, int | None], None]]:
        """A bar for each subject; the function it gives is told ("SUBJECT: PHASE", done, total)."""
        with self._progress() as progress:
            bars: dict[str, TaskID] = {}

            def report(what: str, done: int, total: int | None) -> None:
                subject = what.partition(":")[0]
                if subject not in bars:
                    bars[subject] = progress.add_task(what, total=total)
                progress.update(bars[subject], description=what, completed=done, total=total)

            yield report

    def _progress(self) -> Progress:
        columns = (TextColumn("  {task.description}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn())
        return Progress(*columns, console=self.console, refresh_per_second=5)
