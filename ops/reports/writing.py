"""Report files: whichever forms are asked for, all of them or none, for their owner alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Final, Literal, get_args

from ops.private_files import write_private
from ops.reports.data import as_json
from ops.reports.model import Report
from schemas.errors import DanganError
from schemas.locales import Locale

Form = Literal["html", "pdf", "json"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)
#: Where each form that needs a library of the extra ``office`` is made; loaded when it is asked for.
_MAKERS: Final[dict[str, str]] = {"html": "as_html", "pdf": "as_pdf"}


def write_report(
    report: Report,
    folder_or_file: Path,
    formats: Sequence[Form] = FORMS,
    language: Locale | None = None,
) -> list[Path]:
    """Write a report's files, mode 0600. Every form is made before the first is written.

    Args:
        report: what.
        folder_or_file: a file ending in .html, .pdf or .json, which says the only form; else a folder, where the
            files are called after the report and its language: ``inventory.zh-CN.pdf``.
        formats: which forms go into a folder.
        language: of the HTML and the PDF; the report's own by default. The JSON holds them all.

    Returns:
        The files, in the order of the formats.

    Raises:
        DanganError: DG-RPT-001 when a file cannot be written, DG-RPT-002 when a library is missing, DG-RPT-004 for a
            form that there is not.
    """
    report = replace(report, language=language or report.language)
    made = [(path, rendered(report, form)) for path, form in _targets(report, folder_or_file, formats)]
    for path, content in made:
        try:
            write_private(path, content)
        except OSError as error:
            raise DanganError("DG-RPT-001", field=str(path), detail=type(error).__name__) from None
    return [path for path, _ in made]


def rendered(report: Report, form: Form) -> bytes:
    """One form of a report, in its own language.

    Raises:
        DanganError: DG-RPT-002 when a library is missing, DG-RPT-004 for a form that there is not.
    """
    if form == "json":
        return as_json(report)
    if form not in _MAKERS:
        raise DanganError("DG-RPT-004", field=form)
    try:
        make: Callable[[Report], bytes] = getattr(import_module(f"ops.reports.{form}"), _MAKERS[form])
    except ImportError as error:
        raise DanganError("DG-RPT-002", detail=error.name) from None
    return make(report)


def _targets(report: Report, where: Path, formats: Sequence[Form]) -> list[tuple[Path, Form]]:
    ending = where.suffix.removeprefix(".").lower()
    if ending in FORMS and not where.is_dir():
        return [(where, form) for form in FORMS if form == ending]
    if where.suffix and not where.is_dir():
        raise DanganError("DG-RPT-004", field=str(where))
    spoken = {form: "" if form == "json" else f".{report.language}" for form in formats}
    return [(where / f"{report.name}{language}.{form}", form) for form, language in spoken.items()]
