"""Reports that people read: declared once as data, told on a terminal, as HTML, PDF and JSON, in English and Chinese.

    from ops.reports import Column, Report, Section, Table, say, write_report

    report = Report(name="inventory", title=say("inventory-title"), ...)
    write_report(report, Path("reports"), formats=("html", "pdf", "json"), language="zh-CN")

Words go into ``ops/reports/words/{en,zh-CN}/TOPIC.ftl``. docs/reports.md tells more.
"""

from __future__ import annotations

from ops.reports.data import as_data, as_json, digest
from ops.reports.model import (
    Attachment,
    Block,
    Cell,
    Chart,
    Column,
    Fact,
    Facts,
    Figure,
    Figures,
    Kind,
    Level,
    Paragraph,
    Points,
    Report,
    Section,
    Series,
    Signatory,
    Status,
    Table,
    Verbatim,
)
from ops.reports.terminal import show_report
from ops.reports.words import Say, Words, say, told
from ops.reports.writing import FORMS, Form, rendered, write_report

__all__ = [
    "FORMS",
    "Attachment",
    "Block",
    "Cell",
    "Chart",
    "Column",
    "Fact",
    "Facts",
    "Figure",
    "Figures",
    "Form",
    "Kind",
    "Level",
    "Paragraph",
    "Points",
    "Report",
    "Say",
    "Section",
    "Series",
    "Signatory",
    "Status",
    "Table",
    "Verbatim",
    "Words",
    "as_data",
    "as_json",
    "digest",
    "rendered",
    "say",
    "show_report",
    "told",
    "write_report",
]
