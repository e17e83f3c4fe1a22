"""What the demo claims, and whether the run itself found it true."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim: what is said, whether it held, and what was seen."""

    text: str
    holds: bool
    seen: str


@dataclass(slots=True)
class Claims:
    """The claims made so far. Each is shown when it is checked, and all of them at the end."""

    console: Console
    made: list[Claim] = field(default_factory=list)

    def check(self, text: str, holds: bool, seen: str) -> None:
        """Add a claim.

        Args:
            text: the claim, one sentence.
            holds: what the check found.
            seen: the figures behind it; no personal value.
        """
        self.made.append(Claim(text, holds, seen))
        self.console.print(f"  {_mark(holds)} {escape(text)} [dim]({escape(seen)})[/]", highlight=False)

    @property
    def hold(self) -> bool:
        """Whether every claim held, and there is one at least."""
        return bool(self.made) and all(claim.holds for claim in self.made)

    def table(self) -> Table:
        """All claims, for the end."""
        table = Table(title="What this run proved" if self.hold else "NOT everything held", title_justify="left")
        for column in ("", "claim", "seen"):
            table.add_column(column, overflow="fold")
        for claim in self.made:
            table.add_row(_mark(claim.holds), escape(claim.text), escape(claim.seen))
        return table


def _mark(holds: bool) -> str:
    return "[bold green]✓[/]" if holds else "[bold red]✗[/]"
