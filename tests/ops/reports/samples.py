"""Reports to try the renderers on, and texts that try to break out of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from ops.reports import (
    Attachment,
    Chart,
    Column,
    Fact,
    Facts,
    Figure,
    Figures,
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
    say,
)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LEVELS: tuple[Level, ...] = ("good", "attention", "bad", "neutral")
COLUMNS = (
    Column("Record", "reference"),
    Column("What", "text", 3),
    Column("Count", "number"),
    Column("When", "date"),
    Column("State", "status"),
)
#: Markup, right-to-left writing, control characters, over-long words, characters that no font of ours has.
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></tr></table><h1>free</h1>",
    "]]></desc></svg><script>1</script>",
    "{{ 7 * 7 }} {% for x in y %} { $count }",
    '<font color="red"><para><a href="javascript:1">&amp;&lt;',
    "שלום עולם \N{RIGHT-TO-LEFT OVERRIDE}evil",
    "\N{POP DIRECTIONAL ISOLATE}\N{LEFT-TO-RIGHT OVERRIDE}\x00\x1b[31m\r\n\x07\x7f",
    "x" * 500,
    "销毁" * 200,
    "😀 𠮷 \ufffd \ue000",
    "(unbalanced \\) ) Tj ET Q endstream",
)


def sample(words: str = "a text", rows: int = 3, language: str = "en") -> Report:
    """A report with every kind of part, the words wherever words can stand."""
    cells = tuple(
        (words, words, number * 37, NOW, Status(LEVELS[number % 4], say("report-good"))) for number in range(rows)
    )
    numbers = (Series(words, (1, 20)), Series(words, (3, Decimal("4.5"))))
    charts = (
        Chart("bar", words, (words, "b"), numbers[:1], words),
        Chart("stacked", words, (words, "b"), numbers),
        Chart("line", words, (words, "b"), numbers),
        Chart("donut", words, (words, "b"), numbers[:1]),
    )
    facts = (Fact(words, words), Fact("Several", (words, words), "reference"), Fact("Nothing", None))
    first = Section(
        words,
        (
            Paragraph(words),
            Paragraph(words, "attention"),
            Points((words, words), numbered=True),
            Figures((Figure(words, words, "bad"), Figure("Number", 128430))),
            Facts(facts),
        ),
    )
    return Report(
        name="sample",
        title=words,
        organisation=words,
        generated_at=NOW,
        period=(date(2026, 7, 1), date(2026, 9, 30)),
        language="zh-CN" if language == "zh-CN" else "en",
        sections=(first, Section("Charts", charts), Section("List", (Table.of(words, COLUMNS, cells),))),
        signatures=(Signatory(words, words), Signatory("Supervisor")),
        footnotes=(words,),
        attachments=(Attachment("proof.jws", "application/jose", b"proof", words),),
        annex=(Section("Annex", (Verbatim(words, words),)),),
    )
