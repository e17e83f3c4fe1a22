"""What a mapping file says of consent and collection: constants for all rows, or columns that hold them.

```toml
[consent]
reference = { column = "同意书编号" }
text_sha256 = "..."                                             # the same for every row
given_at = { column = "同意日期", utc_offset = "+08:00" }        # a spreadsheet's date or time, made RFC 3339

[intake]
channel = "direct"
[intake.notice]
reference = "notice:2026-03"
given_at = { column = "告知时间", utc_offset = "+08:00" }
```

Members are those of schemas/intake.py (docs/wire.md section 6). An empty cell leaves its member out, and a table of
which nothing is left is left out too. None of these cells is a field: the rule book asks for the circumstances of a
collection (clauses COL-01 to COL-16), and they hold references and words, never personal data.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from ops.publish.reading import Cell
from schemas.errors import DanganError

_OFFSET: Final = re.compile(r"[+-]([01]\d|2[0-3]):[0-5]\d")
_COLUMN: Final = frozenset({"column", "utc_offset"})


@dataclass(frozen=True, slots=True)
class FromColumn:
    """A member that stands in a column; ``utc_offset`` makes its dates and times RFC 3339."""

    column: str
    utc_offset: str | None = None

    def value(self, cell: Cell) -> Cell:
        """The member's value, from a cell that is not empty."""
        return cell if self.utc_offset is None else _moment(str(cell), self.utc_offset)


Node = FromColumn | Mapping[str, Any] | str | bool | int | float


@dataclass(frozen=True, slots=True)
class Template:
    """One of the two tables, read and checked."""

    members: Mapping[str, Node]

    def columns(self) -> set[str]:
        """The columns that it names."""
        return {leaf.column for _, leaf in _leaves(self.members, ()) if isinstance(leaf, FromColumn)}

    def fill(self, cells: Mapping[str, Cell]) -> dict[str, Any]:
        """The command's member for a row."""
        return _filled(self.members, cells)


def read_template(model: type[BaseModel], settings: Any, place: str) -> Template:
    """Check a table of the mapping file against the schema of what it fills.

    Args:
        model: ``Consent`` or ``Intake``.
        settings: the table, as TOML gives it.
        place: what the table is called, for errors.

    Raises:
        DanganError: DG-PUB-005, naming the member: not known, its constant not valid, or needed and not there.
    """
    if not isinstance(settings, Mapping):
        raise DanganError("DG-PUB-005", field=place, detail="must be a table")
    members = _members(model, settings, place)
    columns = {path for path, leaf in _leaves(members, ()) if isinstance(leaf, FromColumn)}
    try:
        model.model_validate(_constants(members))
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            if fault["type"] != "missing" or fault["loc"] not in columns:
                where = ".".join((place, *map(str, fault["loc"])))
                raise DanganError("DG-PUB-005", field=where, detail=fault["msg"]) from None
    return Template(members)


def _members(model: type[BaseModel], settings: Mapping[str, Any], place: str) -> dict[str, Node]:
    members: dict[str, Node] = {}
    for name, value in settings.items():
        where = f"{place}.{name}"
        if name not in model.model_fields:
            near = difflib.get_close_matches(name, model.model_fields, n=1)
            raise DanganError("DG-PUB-005", field=where, detail=f"did you mean {near[0]}?" if near else "not known")
        inner = _model_in(model.model_fields[name].annotation)
        if isinstance(value, Mapping) and "column" in value:
            members[name] = _from_column(value, where)
        elif isinstance(value, Mapping) and inner is not None:
            members[name] = _members(inner, value, where)
        else:
            members[name] = value.isoformat() if isinstance(value, dt.date | dt.time) else value
    return members


def _from_column(value: Mapping[str, Any], where: str) -> FromColumn:
    column, offset = value["column"], value.get("utc_offset")
    if not value.keys() <= _COLUMN or not isinstance(column, str):
        raise DanganError("DG-PUB-005", field=where, detail='give { column = "..." }, and utc_offset for a time')
    if offset is not None and not (isinstance(offset, str) and _OFFSET.fullmatch(offset)):
        raise DanganError("DG-PUB-005", field=where, detail="utc_offset must be like +08:00")
    return FromColumn(column, offset)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model of a member that is one, or one or None."""
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
    return None


def _leaves(members: Mapping[str, Node], place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
    for name, node in members.items():
        if isinstance(node, Mapping):
            yield from _leaves(node, (*place, name))
        else:
            yield (*place, name), node


def _constants(members: Mapping[str, Node]) -> dict[str, Any]:
    return {
        name: _constants(node) if isinstance(node, Mapping) else node
        for name, node in members.items()
        if not isinstance(node, FromColumn)
    }


def _filled(members: Mapping[str, Node], cells: Mapping[str, Cell]) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    for name, node in members.items():
        if isinstance(node, FromColumn):
            if (cell := cells.get(node.column)) is not None:
                filled[name] = node.value(cell)
        elif isinstance(node, Mapping):
            if inner := _filled(node, cells):
                filled[name] = inner
        else:
            filled[name] = node
    return filled


def _moment(text: str, offset: str) -> str:
    """A date or a time of a spreadsheet as RFC 3339; what is neither stays as it is, and the row is refused for it."""
    try:
        moment = dt.datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return text
    shown = moment.isoformat(timespec="seconds")
    return shown if moment.tzinfo else shown + offset
