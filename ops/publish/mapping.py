"""From a file's columns to collect commands: names, purpose, legal basis, and where the ids come from.

```toml
# MAP.toml
purpose = "account_service"
legal_basis = "contract"
record_id_from = "客户编号"          # or record_id = "..." where the column holds opaque references already
ignore = ["备注"]
[columns]                           # column = field of the catalogue
"客户姓名" = "name"
[intake]                            # the circumstances of the collection, and [consent]: ops/publish/circumstances.py
channel = "direct"
happened_at = { column = "办理时间", utc_offset = "+08:00" }
```
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ops.publish.circumstances import Template, read_template
from ops.publish.ids import RowIds
from ops.publish.reading import Row
from schemas.errors import DanganError
from schemas.intake import Consent, Intake, Name


class ColumnPlan(BaseModel):
    """What a mapping file says; options of the command line are merged in before."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    purpose: Name
    legal_basis: str
    record_id: str | None = None
    record_id_from: str | None = None
    subject: str | None = None
    subject_from: str | None = None
    ignore: frozenset[str] = frozenset()
    columns: Annotated[dict[str, str], Field(default_factory=dict)]
    consent: Annotated[Template | None, BeforeValidator(lambda table: read_template(Consent, table, "consent"))] = None
    intake: Annotated[Template | None, BeforeValidator(lambda table: read_template(Intake, table, "intake"))] = None

    def circumstances(self) -> dict[str, Template]:
        """The tables that are there, by the member of the command that they fill."""
        both = {"consent": self.consent, "intake": self.intake}
        return {name: template for name, template in both.items() if template is not None}

    @model_validator(mode="after")
    def _one_source_each(self) -> ColumnPlan:
        if (self.record_id is None) == (self.record_id_from is None):
            raise ValueError("give one of record_id and record_id_from")
        if self.subject is not None and self.subject_from is not None:
            raise ValueError("give one of subject and subject_from")
        return self


def load_mapping(path: Path | None, options: Mapping[str, str | None]) -> ColumnPlan:
    """The mapping file's settings with the command line's on top.

    Raises:
        DanganError: DG-PUB-005, naming the setting.
    """
    try:
        settings = tomllib.loads(path.read_text("utf-8")) if path else {}
    except (OSError, ValueError) as error:
        raise DanganError("DG-PUB-005", field=str(path), detail=type(error).__name__) from None
    given = {name: value for name, value in options.items() if value is not None}
    for pair in ({"record_id", "record_id_from"}, {"subject", "subject_from"}):
        if pair & given.keys():
            settings = {name: value for name, value in settings.items() if name not in pair}
    try:
        return ColumnPlan.model_validate({**settings, **given})
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        # A setting that is not known explains best why another one is missing.
        first = min(faults, key=lambda fault: fault["type"] != "extra_forbidden")
        place = ".".join(str(part) for part in first["loc"]) or None
        raise DanganError("DG-PUB-005", field=place, detail=first["msg"]) from None


@dataclass(frozen=True, slots=True)
class RowMapper:
    """Turns rows into collect commands."""

    mapping: ColumnPlan
    ids: RowIds
    fields: Mapping[str, str]

    def command(self, row: Row) -> tuple[str, dict[str, Any]]:
        """The row's command id, and the command's members without ``id`` and ``type``.

        Raises:
            DanganError: DG-PUB-006 when the column that the ids come from is empty.
        """
        record = self._reference("r", row, self.mapping.record_id, self.mapping.record_id_from)
        source = self.mapping.subject_from or self.mapping.record_id_from or self.mapping.record_id
        subject = self._reference("s", row, self.mapping.subject, source)
        parts = {
            "record": record,
            "subject": subject,
            "purpose": self.mapping.purpose,
            "legal_basis": self.mapping.legal_basis,
            "fields": {self.fields[column]: cell for column, cell in row.cells.items() if column in self.fields},
        }
        for name, template in self.mapping.circumstances().items():
            if filled := template.fill(row.cells):
                parts[name] = filled
        return self.ids.command(parts), parts

    def _reference(self, kind: str, row: Row, verbatim: str | None, derived: str | None) -> str:
        column = verbatim or derived or ""
        value = row.cells.get(column)
        if value is None:
            raise DanganError("DG-PUB-006", field=column, detail=f"row {row.number}")
        return str(value) if verbatim else self.ids.reference(kind, str(value))


def row_mapper(mapping: ColumnPlan, ids: RowIds, columns: Collection[str], known: Collection[str]) -> RowMapper:
    """Match a file's columns with the catalogue's fields.

    Args:
        mapping: what the user said.
        ids: derives the ids.
        columns: the file's.
        known: the catalogue's field names.

    Raises:
        DanganError: DG-PUB-004 naming a column that is no field, with the nearest one; DG-PUB-005 when the
            mapping names a column that the file has not, or gives two columns to one field.
    """
    own = {mapping.record_id, mapping.record_id_from, mapping.subject, mapping.subject_from} - {None}
    told = {column for template in mapping.circumstances().values() for column in template.columns()}
    named = {*own, *told, *mapping.columns}
    if missing := sorted(str(name) for name in named if name not in columns):
        near = difflib.get_close_matches(missing[0], columns, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DanganError("DG-PUB-005", field=missing[0], detail=f"the file has no such column{hint}")
    fields: dict[str, str] = {}
    for column in columns:
        field = mapping.columns.get(column, column)
        if column in mapping.ignore or (column in own | told and field not in known):
            continue
        if field not in known:
            near = difflib.get_close_matches(field, known, n=1, cutoff=0.5)
            raise DanganError("DG-PUB-004", field=column, detail=f"did you mean {near[0]}?" if near else None)
        if field in fields.values():
            raise DanganError("DG-PUB-005", field=field, detail="two columns give this field")
        fields[column] = field
    if not fields:
        raise DanganError("DG-PUB-004", detail="no column is a field")
    return RowMapper(mapping, ids, fields)
