"""A report as PDF: A4, page x of y, the data's digest at the foot of every page, attachments inside.

The same report gives the same bytes: its own time stands in the file, and nothing else of now. The file has its
language, a title and bookmarks, but no tags for those who hear pages: for them is the HTML.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

from reportlab.lib.pagesizes import A4
from reportlab.platypus import BaseDocTemplate, CondPageBreak, Frame, PageTemplate, Spacer

from ops.reports.charts import drawing
from ops.reports.data import digest
from ops.reports.flowables import BODY, CAPTION, CODE, SMALL, TITLE, Heading, Notice, Point, Signing, Text, Tiles
from ops.reports.grid import SIZE, Grid, drawn, drawn_header, drawn_name
from ops.reports.layout import shares
from ops.reports.model import (
    Block,
    Cell,
    Chart,
    Facts,
    Figures,
    Paragraph,
    Points,
    Report,
    Section,
    Status,
    Table,
    Verbatim,
)
from ops.reports.pages import Foot, canvas_class
from ops.reports.values import MAX_VERBATIM, clipped, shown
from ops.reports.words import Words, say, told

MARGIN: Final = 54.0
_TOP, _BOTTOM = 62.0, 54.0
_WIDTH: Final = A4[0] - 2 * MARGIN
_HIGH: Final = A4[1] - _TOP - _BOTTOM - 60
_FACT: Final = 150.0
#: A heading or a caption stands at the foot of a page only if this much of what it announces has room, too.
_ROOM: Final = 70.0
_SIGNING: Final = 110.0


def as_pdf(report: Report) -> bytes:
    """The report in its language."""
    paper = _Paper(report)
    foot = Foot(
        title=paper.words(report.title),
        organisation=paper.words(report.organisation),
        digest=digest(report),
        page=lambda page, pages: paper.say("report-page", page=page, pages=pages),
        margin=MARGIN,
    )
    out = BytesIO()
    document = BaseDocTemplate(
        out,
        pagesize=A4,
        title=paper.words(report.title),
        author=paper.words(report.organisation),
        subject=f"SHA-256 {foot.digest}",
        creator="dangan",
        invariant=1,  # nothing of now in the file's id
        lang=report.language,
    )
    frame = Frame(MARGIN, _BOTTOM, _WIDTH, A4[1] - _TOP - _BOTTOM, 0, 0, 0, 0)
    document.addPageTemplates([PageTemplate("page", [frame], onPage=lambda canvas, _: foot.draw(canvas))])
    document.build(list(paper.story()), canvasmaker=canvas_class(report, foot))
    return out.getvalue()


class _Paper:
    def __init__(self, report: Report) -> None:
        self._report = report

    def say(self, key: str, **places: Words | int) -> str:
        return self.words(say(key, **places))

    def words(self, words: Words) -> str:
        return clipped(told(words, self._report.language))

    def cell(self, cell: Cell) -> str:
        return shown(cell, self._report.language, self._report.zone)

    def story(self) -> Iterator[Any]:
        """Every part of the paper, in order."""
        report = self._report
        if report.organisation:
            yield Text(self.words(report.organisation), SMALL, after=2)
        yield Text(self.words(report.title), TITLE, after=4)
        yield Text(self._about(), SMALL, after=2)
        yield from self._sections(report.sections, "part")
        yield from self._signatures()
        yield from self._attachments()
        yield from self._notes()
        yield from self._sections(report.annex, "annex")

    def _sections(self, sections: tuple[Section, ...], key: str) -> Iterator[Any]:
        for index, section in enumerate(sections):
            yield from _headed(self.words(section.title), f"{key}-{index + 1}")
            for block in section.blocks:
                yield from self._block(block)

    def _notes(self) -> Iterator[Any]:
        yield from _headed(self.say("report-footnotes"), "notes")
        for note in self._report.footnotes:
            yield Text(self.words(note), SMALL, after=3)
        yield Text(self.say("report-all-times", zone=str(self._report.zone)), SMALL, after=3)
        yield Text(self.say("report-cut"), SMALL)

    def _about(self) -> str:
        report = self._report
        parts = [f"{self.say('report-generated')} {self.cell(report.generated_at)} {report.zone}"]
        if report.period:
            begin, end = report.period
            parts.insert(0, f"{self.say('report-period')} {self.cell(begin)} – {self.cell(end)}")
        return "   ·   ".join(parts)

    def _block(self, block: Block) -> Iterator[Any]:
        match block:
            case Paragraph(level=None):
                yield Text(self.words(block.words))
            case Paragraph():
                yield Notice(self.words(block.words), block.level or "neutral")
            case Points():
                for index, point in enumerate(block.points):
                    yield Point(f"{index + 1}." if block.numbered else "•", self.words(point))
                yield Spacer(0, 5)
            case Facts():
                yield self._facts(block)
            case Figures():
                yield Tiles([(self.words(each.name), self.cell(each.value), each.level) for each in block.figures])
            case Table():
                yield from self._table(block)
            case Chart():
                unit = self.words(block.unit)
                picture = drawing(block, self._report.language, _WIDTH)
                yield CondPageBreak(min(picture.height, _HIGH) + 30)
                yield Text(self.words(block.title) + (f" ({unit})" if unit else ""), CAPTION, before=4, after=4)
                yield picture
                yield Spacer(0, 12)
            case Verbatim():
                yield CondPageBreak(_ROOM)
                yield Text(self.words(block.title), CAPTION, before=4, after=3)
                yield Text(block.text[:MAX_VERBATIM], CODE)
                if len(block.text) > MAX_VERBATIM:
                    yield Text(self.say("report-verbatim-cut", shown=MAX_VERBATIM, all=len(block.text)), SMALL)

    def _facts(self, block: Facts) -> Grid:
        rows = []
        for fact in block.facts:
            values = fact.value if isinstance(fact.value, tuple) else (fact.value,)
            for index, value in enumerate(values or (None,)):
                level = value.level if isinstance(value, Status) else None
                kind = "text" if fact.kind == "number" else fact.kind
                name = self.words(fact.name) if index == 0 else ""
                rows.append(
                    (drawn_name(name, _FACT), drawn(self.cell(value), kind, _WIDTH - _FACT, level)),
                )
        return Grid((_FACT, _WIDTH - _FACT), (), rows)

    def _table(self, block: Table) -> Iterator[Any]:
        widths = shares(block, self._report, _WIDTH, SIZE)
        kinds = [column.kind for column in block.columns]
        header = [
            drawn_header(self.words(column.name), column.kind, width)
            for column, width in zip(block.columns, widths, strict=True)
        ]
        rows = [
            [
                drawn(self.cell(cell), kind, width, cell.level if isinstance(cell, Status) else None)
                for cell, kind, width in zip(row, kinds, widths, strict=True)
            ]
            for row in block.rows
        ]
        count = self.say("report-rows", count=len(block.rows) + block.more)
        yield CondPageBreak(_ROOM)
        yield Text(f"{self.words(block.title)}   ({count})", CAPTION, before=4, after=2)
        yield Grid(widths, header, rows)
        if not rows:
            yield Text(self.say("report-no-rows"), SMALL)
        if block.more:
            yield Text(self.say("report-more-rows", count=block.more), SMALL)

    def _signatures(self) -> Iterator[Any]:
        people = [
            (
                self.words(each.role),
                (
                    (self.say("report-name"), self.words(each.name)),
                    (self.say("report-signature"), ""),
                    (self.say("report-date"), ""),
                ),
            )
            for each in self._report.signatures
        ]
        if people:
            yield from _headed(self.say("report-signatures"), "signatures", _SIGNING)
        for first in range(0, len(people), 2):
            yield Signing(people[first : first + 2])

    def _attachments(self) -> Iterator[Any]:
        if self._report.attachments:
            yield from _headed(self.say("report-attachments"), "attachments")
        for each in self._report.attachments:
            yield Text(self.words(each.name), CAPTION, after=1)
            yield Text(f"{self.words(each.description)} {self.say('report-attachment-in-pdf')}", BODY, after=1)
            yield Text(f"{self.say('report-sha256')} {each.sha256}", SMALL, after=6)


def _headed(title: str, key: str, room: float = _ROOM) -> Iterator[Any]:
    """A heading, on the next page if what follows has no room on this one."""
    yield CondPageBreak(room + 25)
    yield Heading(title, key)
