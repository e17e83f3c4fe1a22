"""A register (登记簿) as a report: its lines as a table, and how many there are of each kind as a chart.

For what is kept as lines of text anyhow: borrowings, destructions, permissions under review, rectification notices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, get_args

from ops.reports.model import (
    MAX_ROWS,
    Chart,
    Column,
    Figure,
    Figures,
    Kind,
    Report,
    Section,
    Series,
    Signatory,
    Table,
)
from ops.reports.words import Words, say
from schemas.destruction import Ground

GROUNDS: Final = frozenset(get_args(Ground))
#: Members that are told by their day.
_DAYS: Final = frozenset({"decided", "confirmed"})
#: Bars of a chart; what is rarer is counted together.
_BARS: Final = 12


@dataclass(frozen=True, slots=True)
class Register:
    """What a register's report shows.

    Attributes:
        name: ``register-title-NAME`` is its title, ``register-note-NAME`` what a reader must know.
        columns: member of a line -> kind and share of the width; ``register-column-MEMBER`` is its header.
        by: the member that is counted in the chart.
    """

    name: str
    columns: Mapping[str, tuple[Kind, int]]
    by: str


DESTRUCTIONS: Final = Register(
    "destructions",
    {
        "job": ("reference", 3), "decided": ("reference", 2), "ground": ("text", 3), "scope": ("text", 3),
        "records": ("number", 2), "applicant": ("reference", 3), "approvers": ("reference", 3),
        "executor": ("reference", 3), "witness": ("reference", 3),
        "confirmed by": ("reference", 3), "confirmed": ("reference", 2),
    },
    "ground",
)  # fmt: skip
BORROWINGS: Final = Register(
    "borrowings",
    {
        "borrower": ("reference", 3), "records": ("reference", 3), "purpose": ("text", 2),
        "approved by": ("reference", 3), "out": ("reference", 2), "in": ("reference", 2), "usage": ("text", 3),
        "copies left": ("number", 2), "standing": ("text", 2),
    },
    "standing",
)  # fmt: skip
PERMISSIONS: Final = Register(
    "permissions",
    {
        "principal": ("reference", 3), "roles": ("reference", 3), "department": ("text", 2), "clearance": ("text", 1),
        "last used": ("reference", 2), "lapses": ("reference", 2), "why": ("text", 3),
    },
    "department",
)  # fmt: skip
NOTICES: Final = Register(
    "rectifications",
    {
        "notice": ("reference", 3), "state": ("text", 2), "owner": ("reference", 3), "problem": ("text", 3),
        "subject": ("reference", 3), "due": ("reference", 2), "days over": ("number", 2),
        "age in days": ("number", 2), "inspection": ("reference", 3),
    },
    "state",
)  # fmt: skip


def register_report(
    register: Register, lines: Iterable[Mapping[str, str]], *, organisation: str, generated_at: datetime
) -> Report:
    """The report of a register.

    Args:
        register: what is shown.
        lines: at most the first 10,000 stand in the table; the others are counted.
        organisation: whose archive it is.
        generated_at: when the lines were read, with a zone.
    """
    listed = list(lines)
    counts = Counter(line[register.by] or "-" for line in listed)
    common = counts.most_common(_BARS)
    labels = tuple(_words(register.by, name) for name, _ in common)
    values = tuple(number for _, number in common)
    rest = len(listed) - sum(values)
    columns = [
        Column(say(f"register-column-{name.replace(' ', '-')}"), kind, width)
        for name, (kind, width) in register.columns.items()
    ]
    rows = ([_cell(name, line[name], kind) for name, (kind, _) in register.columns.items()] for line in listed)
    chart = Chart(
        "bar",
        say(f"register-by-{register.by.replace(' ', '-')}"),
        (*labels, *((say("register-others"),) if rest else ())),
        (Series(say("register-entries"), (*values, *((rest,) if rest else ()))),),
    )
    return Report(
        name=f"register-{register.name}",
        title=say(f"register-title-{register.name}"),
        organisation=organisation,
        generated_at=generated_at,
        sections=(
            Section(
                say("register-summary"),
                (Figures((Figure(say("register-entries"), len(listed)),)), *((chart,) if listed else ())),
            ),
            Section(say("register-lines"), (Table.of(say("register-lines"), columns, rows, MAX_ROWS),)),
        ),
        signatures=(Signatory(say("register-keeper")), Signatory(say("register-head"))),
        footnotes=(say(f"register-note-{register.name}"),),
    )


def _cell(name: str, text: str, kind: Kind) -> Words | int:
    if kind == "number" and text.isdecimal():
        return int(text)
    return text[:10] if name in _DAYS else _words(name, text)


def _words(name: str, text: str) -> Words:
    """A word that reports have in each language, or the text as it stands."""
    return say(f"certificate-ground-{text.replace('_', '-')}") if name == "ground" and text in GROUNDS else text
