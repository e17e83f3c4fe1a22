"""The page: complete in itself, readable for all, and no text gets out of its place."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.reports import Report, rendered, say
from tests.ops.reports.samples import HOSTILE, sample

_VOID = {"meta", "col", "br", "path", "rect"}


class Page(HTMLParser):
    """Tags with attributes in order, the text, and whether tags nest as they should."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.append((self.open[-1], data.strip()))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(report: Report) -> Page:
    return Page(rendered(report, "html").decode())


def shape(found: Page) -> list[tuple[str, tuple[str, ...]]]:
    """The tags and the names of their attributes; those of pictures aside, where lengths show."""
    return [(tag, tuple(attributes)) for tag, attributes in found.tags]


def test_it_is_one_file_that_fetches_and_runs_nothing() -> None:
    found = page(sample())
    policies = [each["content"] for each in found.named("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]
    assert not {"script", "link", "img", "iframe", "object", "form", "base", "image", "foreignobject"} & {
        tag for tag, _ in found.tags
    }
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "xlink:href", "action")], (
            tag
        )
        assert all((attributes.get("href") or "#").startswith("#") for _ in (0,))
    assert "url(" not in rendered(sample(), "html").decode()
    assert found.open == []


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_it_is_readable_for_those_who_hear_pages(language: str) -> None:
    found = page(sample(language=language))
    assert found.named("html") == [{"lang": language}]
    assert len(found.named("h1")) == len(found.named("main")) == 1
    assert all(each.get("scope") in ("col", "row") for each in found.named("th"))
    assert len(found.named("caption")) == 1
    pictures = found.named("svg")
    assert len(pictures) == 4
    assert all(each["role"] == "img" for each in pictures)
    assert sum(tag == "title" for tag, _ in found.texts) == 5
    descriptions = [text for tag, text in found.texts if tag == "desc"]
    assert descriptions[0] == "a text: a text 1, b 20"
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {str(each["href"])[1:] for each in found.named("a")}
    assert targets <= set(ids)
    signs = [attributes for tag, attributes in found.tags if attributes.get("class") == "sign"]
    assert signs
    assert all(each["aria-hidden"] == "true" for each in signs)


def test_each_language_has_its_words_and_the_same_digest() -> None:
    english, chinese = page(sample()), page(sample(language="zh-CN"))
    assert "in order" in [text for _, text in english.texts]
    assert "正常" in [text for _, text in chinese.texts]
    digests = [[text for _, text in each.texts if len(text) == 64] for each in (english, chinese)]
    assert digests[0] == digests[1] != []


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=60) | st.text("<>&\"'/=x {}%$-!", min_size=3, max_size=40)
)
def test_no_text_adds_or_takes_a_tag(text: str) -> None:
    hostile, tame = page(replace(sample(text), sections=_plain(text))), page(replace(sample("x"), sections=_plain("x")))
    assert shape(hostile) == shape(tame)


def _plain(text: str) -> tuple[object, ...]:
    """Without pictures: what is drawn there depends on the text's length, and is tried in test_charts."""
    first, _, table = sample(text).sections
    return first, table


def test_hostile_text_stands_there_as_text() -> None:
    for text in HOSTILE:
        found = [each for _, each in page(sample(text)).texts]
        if text.isascii() and text.isprintable():
            assert any(text in each for each in found), text
        whole = "".join(found)
        assert not set(whole) & set("\N{RIGHT-TO-LEFT OVERRIDE}\N{LEFT-TO-RIGHT OVERRIDE}\x00\x1b\x07\x7f\r")


def test_right_to_left_writing_does_not_move_what_is_beside_it() -> None:
    report = replace(sample(), footnotes=(say("report-from-until", **{"from": "שלום", "until": "5"}),))
    assert "\N{FIRST STRONG ISOLATE}שלום\N{POP DIRECTIONAL ISOLATE} to 5" in [text for _, text in page(report).texts]


def test_ten_thousand_rows_are_told_and_more_are_counted() -> None:
    found = page(sample(rows=10_000))
    assert len(found.named("tr")) > 10_000
