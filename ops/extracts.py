"""Extracts (摘录): what somebody read, saved as a table, a page to print, or data; each with its watermarks.

In a table every row carries the watermark of the answer that it came in, so that a part of it still names its reader.
Files are written whole or not at all, mode 0600, and never over another one. A text that a spreadsheet would take for a
formula is written so that it stays a text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from ops.private_files import write_private
from schemas.errors import DanganError
from schemas.locales import Locale

_NUMBER: Final = re.compile(r"[+-]?\d[\d ().-]*")
#: What a spreadsheet reads as the beginning of a formula (OWASP, CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
#: Of a worksheet's cell.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Line:
    """One record of an extract, and the watermark of the answer that it came in."""

    record: str
    version: int | None
    values: Mapping[str, object] = field(repr=False)
    watermark: str


@dataclass(frozen=True, slots=True)
class Extract:
    """What was read under one grant: the fields asked for, the records, and how many cannot be shown."""

    reader: str
    grant: str
    purpose: str
    fields: tuple[str, ...]
    lines: tuple[Line, ...] = field(repr=False)
    withheld: int
    made_at: datetime

    @property
    def watermarks(self) -> tuple[str, ...]:
        """Each watermark once."""
        return tuple(dict.fromkeys(line.watermark for line in self.lines))


def check_target(path: Path) -> None:
    """Check a file's name before anything is read.

    Raises:
        DanganError: DG-ACC-027 when the file is there, 028 for an ending that there is not.
    """
    if path.suffix not in _FORMS:
        raise DanganError("DG-ACC-028", field=str(path))
    if path.exists():
        raise DanganError("DG-ACC-027", field=str(path))


def save(extract: Extract, path: Path, language: Locale) -> None:
    """Write an extract in the form that the file's ending says.

    Raises:
        DanganError: as :func:`check_target`; DG-RPT-002 when a form's library is missing.
    """
    check_target(path)
    write_private(path, _FORMS[path.suffix](extract, language))


def _rows(extract: Extract) -> list[list[str]]:
    header = ["record", "version", *extract.fields, "watermark"]
    lines = [
        [line.record, _text(line.version), *(_text(line.values.get(name)) for name in extract.fields), line.watermark]
        for line in extract.lines
    ]
    return [header, *lines]


def _csv(extract: Extract, _: Locale) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([[_no_formula(cell) for cell in row] for row in _rows(extract)])
    return out.getvalue().encode("utf-8-sig")  # a spreadsheet takes it for UTF-8 by that mark


def _json(extract: Extract, _: Locale) -> bytes:
    told: dict[str, Any] = {
        "reader": extract.reader,
        "grant": extract.grant,
        "purpose": extract.purpose,
        "made_at": extract.made_at.astimezone(UTC).isoformat(timespec="seconds"),
        "withheld": extract.withheld,
        "watermarks": extract.watermarks,
        "records": [
            {"record": each.record, "version": each.version, "values": dict(each.values), "watermark": each.watermark}
            for each in extract.lines
        ],
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n"


def _xlsx(extract: Extract, _: Locale) -> bytes:
    from openpyxl import Workbook  # noqa: PLC0415 - loaded by whom saves one

    book = Workbook(write_only=True)
    sheet = book.create_sheet("extract")
    for row in _rows(extract):
        sheet.append([_CONTROL.sub("\N{REPLACEMENT CHARACTER}", _no_formula(cell)) for cell in row])
    sheet.append([])
    sheet.append(["watermark", *extract.watermarks[:50]])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _page(form: Any) -> Callable[[Extract, Locale], bytes]:
    def made(extract: Extract, language: Locale) -> bytes:
        from ops.reports import rendered  # noqa: PLC0415 - loaded by whom saves one

        return bytes(rendered(report_of(extract, language), form))

    return made


def report_of(extract: Extract, language: Locale) -> Any:
    """An extract as a report: to be printed, or saved as HTML or PDF."""
    from ops.reports import Column, Fact, Facts, Paragraph, Report, Section, Table, say  # noqa: PLC0415 - see above

    facts = (
        Fact(say("extract-reader"), extract.reader, "reference"),
        Fact(say("extract-grant"), extract.grant, "reference"),
        Fact(say("extract-purpose"), extract.purpose, "reference"),
        Fact(say("extract-records"), len(extract.lines), "number"),
        Fact(say("extract-withheld"), extract.withheld, "number"),
        Fact(say("extract-watermark"), extract.watermarks[:50], "reference"),
    )
    columns = [
        Column(say("extract-record"), "reference", 2),
        Column(say("extract-field"), "reference", 2),
        Column(say("extract-value"), "text", 4),
    ]
    rows = ((each.record, name, _text(value)) for each in extract.lines for name, value in each.values.items())
    return Report(
        name="extract",
        title=say("extract-title"),
        organisation="",
        generated_at=extract.made_at,
        sections=(
            Section(say("extract-what"), (Facts(facts), Paragraph(say("extract-warning"), "attention"))),
            Section(say("extract-values"), (Table.of(say("extract-values"), columns, rows),)),
        ),
        language=language,
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _no_formula(cell: str) -> str:
    """A cell that no spreadsheet calculates: an apostrophe before what is no number (telephone numbers are some)."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


_FORMS: Final[Mapping[str, Callable[[Extract, Locale], bytes]]] = {
    ".csv": _csv,
    ".json": _json,
    ".xlsx": _xlsx,
    ".html": _page("html"),
    ".pdf": _page("pdf"),
}
#: The endings of files that an extract is saved as.
ENDINGS: Final[Sequence[str]] = tuple(_FORMS)
