"""Everything that reports say is said in every language, in characters that paper has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fluent.syntax import FluentParser, FluentSerializer
from fluent.syntax import ast as ftl

from ops.docs.clauses import ROOT
from ops.reports import say, told
from ops.reports.fonts import covered
from ops.reports.words import FOLDER
from schemas.locales import LOCALES

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
#: The same in every language.
_NEUTRAL = {"report-sha256"}


def messages(locale: str) -> dict[str, tuple[str, ftl.Message]]:
    """Key -> topic and message."""
    found = {}
    for file in sorted((FOLDER / locale).glob("*.ftl")):
        for entry in FluentParser().parse(file.read_text("utf-8")).body:
            assert not isinstance(entry, ftl.Junk), f"{file.name}: {entry.content[:60]}"
            if isinstance(entry, ftl.Message):
                assert entry.id.name not in found, entry.id.name
                found[entry.id.name] = file.stem, entry
    return found


ENGLISH = messages("en")


def text_of(message: ftl.Message) -> str:
    return FluentSerializer().serialize_entry(message).split("=", 1)[1]


def places(message: ftl.Message) -> set[str]:
    return set(re.findall(r"\$(\w+)", text_of(message)))


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_says_the_same_things_with_the_same_places(locale: str) -> None:
    theirs = messages(locale)
    assert theirs.keys() == ENGLISH.keys(), f"write them in ops/reports/words/{locale}/"
    assert {key: topic for key, (topic, _) in theirs.items()} == {key: topic for key, (topic, _) in ENGLISH.items()}
    assert {key: places(each) for key, (_, each) in theirs.items()} == {
        key: places(each) for key, (_, each) in ENGLISH.items()
    }


def test_a_key_begins_with_its_topic() -> None:
    assert not [key for key, (topic, _) in ENGLISH.items() if not key.startswith(f"{topic}-")]


def test_chinese_is_chinese() -> None:
    strange = [key for key, (_, each) in messages("zh-CN").items() if not _CHINESE.search(text_of(each))]
    assert set(strange) <= _NEUTRAL


@pytest.mark.parametrize("locale", LOCALES)
def test_every_character_of_every_catalogue_is_in_the_fonts_of_paper(locale: str) -> None:
    texts = "".join(text_of(each) for _, each in messages(locale).values())
    assert not {char for char in texts if not covered(char) and not char.isspace()}


def literals(path: Path) -> Iterator[str]:
    """What a module says in reports, where it says a literal."""
    tree = ast.parse(path.read_text("utf-8"))
    sources = [each for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) and each.module]
    if not any(str(each.module).startswith("ops.reports") for each in sources):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute) and node.args:
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            first = node.args[0]
            if name == "say" and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def test_whatever_code_says_is_written() -> None:
    said = {key: path.name for path in sorted((ROOT / "ops").rglob("*.py")) for key in literals(path)}
    assert len(said) > 50
    assert {key: name for key, name in said.items() if key not in ENGLISH} == {}


def test_what_the_template_says_is_written() -> None:
    template = (ROOT / "ops" / "reports" / "templates" / "report.html.j2").read_text("utf-8")
    keys = re.findall(r'page\.say\("([^"]+)"', template)
    assert len(keys) > 10
    assert set(keys) <= ENGLISH.keys()


def test_saying_what_is_not_written_is_an_error() -> None:
    with pytest.raises(KeyError, match="report-nothing-of-this"):
        say("report-nothing-of-this")
    with pytest.raises(KeyError, match="report-page"):
        told(say("report-page", page=1), "en")  # a place without its value


def test_places_are_filled_in_the_language_and_data_is_never_parsed() -> None:
    assert told(say("report-page", page=3, pages=1200), "en") == "Page 3 of 1,200"
    assert told(say("report-page", page=3, pages=12), "zh-CN") == "第 3 页，共 12 页"
    hostile = "{ $until } \x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}"
    said = told(say("report-from-until", **{"from": hostile, "until": say("report-total")}), "zh-CN")
    assert said == "{ $until } \ufffd[2J\ufffd 至 合计"
