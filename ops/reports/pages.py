"""What stands on every page, and what stands in the file beside its pages: time, files, how it opens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reportlab.lib.utils import TimeStamp
from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFStream, PDFStreamFilterZCompress, PDFString
from reportlab.pdfgen.canvas import Canvas

from ops.reports.fonts import register
from ops.reports.lines import LINE, SOFT, Style, draw, draw_right, fill
from ops.reports.model import Attachment, Report

_STYLE = Style(7.5, 10, SOFT)
_CODE = Style(6.5, 9, SOFT, mono=True)


@dataclass(frozen=True, slots=True)
class Foot:
    """Head and foot of each page.

    Attributes:
        page: says "page x of y".
        margin: left and right, in points.
    """

    title: str
    organisation: str
    digest: str
    page: Callable[[int, int], str]
    margin: float

    def draw(self, canvas: Any) -> None:
        """Everything but the page's number, which is drawn when their count is known."""
        width, height = canvas._pagesize
        right = width - self.margin
        canvas.setStrokeColor(LINE)
        canvas.setLineWidth(0.6)
        canvas.line(self.margin, 40, right, 40)
        draw(canvas, self.margin, 29, f"SHA-256 {self.digest}", _CODE)
        canvas.doForm(_number(canvas.getPageNumber()))
        if canvas.getPageNumber() > 1:
            half = (right - self.margin) / 2
            draw(canvas, self.margin, height - 38, fill(self.title, half, _STYLE)[0], _STYLE)
            draw_right(canvas, right, height - 38, fill(self.organisation, half - 20, _STYLE)[0], _STYLE)
            canvas.line(self.margin, height - 44, right, height - 44)

    def number(self, canvas: Any, page: int, pages: int) -> None:
        """The form that a page has drawn at its foot."""
        canvas.beginForm(_number(page))
        draw_right(canvas, canvas._pagesize[0] - self.margin, 29, self.page(page, pages), _STYLE)
        canvas.endForm()


def canvas_class(report: Report, foot: Foot) -> type[Any]:
    """A canvas that knows the report's time and files and numbers its pages at the end."""

    class Paper(Canvas):  # type: ignore[misc]  # reportlab has no types
        def __init__(self, *args: Any, **options: Any) -> None:
            register()
            super().__init__(*args, **options)
            self._doc._timeStamp = _stamp(report)
            self.setViewerPreference("DisplayDocTitle", "true")
            self.showOutline()

        def save(self) -> None:
            pages = self.getPageNumber() - 1
            for page in range(1, pages + 1):
                foot.number(self, page, pages)
            if report.attachments:
                self._doc.Catalog.Names = _names(self._doc, report.attachments)
            super().save()

    return Paper


def _number(page: int) -> str:
    return f"page-{page}"


def _stamp(report: Report) -> Any:
    """The report's own time in place of the clock's."""
    moment = report.generated_at.astimezone(report.zone)
    offset = round(report.zone.utcoffset(None).total_seconds() / 60)
    stamp = TimeStamp(invariant=True)
    stamp.t, stamp.lt, stamp.tzname = moment.timestamp(), moment.timetuple(), str(report.zone)
    stamp.YMDhms, stamp.dhh, stamp.dmm = tuple(moment.timetuple())[:6], offset // 60, offset % 60
    return stamp


def _names(document: Any, attachments: tuple[Attachment, ...]) -> Any:
    """The catalogue's list of embedded files (ISO 32000-1, 7.11.4)."""
    names: list[Any] = []
    for each in sorted(attachments, key=lambda each: each.name):
        kept = PDFDictionary({"Type": PDFName("EmbeddedFile"), "Subtype": PDFName(each.media_type.replace("/", "#2F"))})
        kept["Params"] = PDFDictionary({"Size": len(each.data)})
        stream = PDFStream(kept, each.data, filters=[PDFStreamFilterZCompress()])
        where = PDFDictionary({"F": document.Reference(stream)})
        about = {"Type": PDFName("Filespec"), "F": PDFString(each.name), "UF": PDFString(each.name), "EF": where}
        names += [PDFString(each.name), document.Reference(PDFDictionary(about))]
    return PDFDictionary({"EmbeddedFiles": PDFDictionary({"Names": PDFArray(names)})})
