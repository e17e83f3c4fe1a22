"""Every error is told in each language, says the same in each, and never tells a value."""

from __future__ import annotations

import ast
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from fluent.syntax import FluentParser
from fluent.syntax import ast as ftl
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ops.docs.clauses import ROOT
from ops.rules import load_rules
from schemas.error_texts.details import DETAILS, recognise
from schemas.error_texts.translated import detail_in, translation
from schemas.errors import TEXTS, DanganError, Refusal
from schemas.locales import LOCALES, nearest, of_environment
from schemas.values import _EXPECTED, normalise

TRANSLATED = [locale for locale in LOCALES if locale != "en"]
FOLDER = ROOT / "schemas" / "error_texts"
FIELDS = load_rules().catalogue.fields

#: What must stand in a translation as it stands in English: commands, options, files, settings, numbers.
_VERBATIM = re.compile(
    r"dangan (?!command|needs)[a-z]+|--[a-z-]+|HOME/[\w./]*\w|(?:docs|policies)/[\w./]*\w|[A-Z]+-\d+"
    r"|\b[a-z]+_[a-z_]+\b|\b[a-z]+\.[a-z_]+\b|\d+"
)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
#: Details that are the same in every language: names of algorithms and kinds of error of the schema.
_NEUTRAL = {"SM4-GCM", "bundle: model_type", "commands: tuple_type", "commands: missing", "*: extra_forbidden"}
#: Made of words that are checked by a test of their own.
_ELSEWHERE = {"expected \x001\x00"}
#: Parts of details that are no words of ours: places in a document, and kinds of error of the schema.
_PLACES = re.compile(r"\bcommands\b|\btoo_long\b|https?://|\berror\b")


@cache
def _messages(locale: str) -> tuple[tuple[str, ftl.Message | ftl.Junk], ...]:
    return tuple(_parsed(locale))


def _parsed(locale: str) -> Iterator[tuple[str, ftl.Message | ftl.Junk]]:
    for file in sorted((FOLDER / locale).glob("*.ftl")):
        for entry in FluentParser().parse(file.read_text("utf-8")).body:
            if isinstance(entry, ftl.Message):
                yield entry.id.name, entry
            elif isinstance(entry, ftl.Junk):
                yield f"{file.name}: {entry.content[:60]}", entry


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_code_is_told_in_every_language(locale: str) -> None:
    missing = sorted(code for code in TEXTS if translation(code, locale) is None)  # type: ignore[arg-type]
    assert not missing, f"write them in schemas/error_texts/{locale}/"


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_detail_is_told_in_every_language(locale: str) -> None:
    names = {name.removeprefix("detail-") for name, _ in _messages(locale) if name.startswith("detail-")}
    assert names == DETAILS.keys()


@pytest.mark.parametrize("locale", TRANSLATED)
def test_the_files_hold_nothing_else_and_nothing_twice(locale: str) -> None:
    names = [name for name, _ in _messages(locale)]
    assert sorted(names) == sorted({*TEXTS, *(f"detail-{name}" for name in DETAILS)})


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_a_chinese_text_is_chinese_and_names_the_same_commands_files_and_numbers(code: str) -> None:
    english, chinese = TEXTS[code], translation(code, "zh-CN")
    assert chinese is not None, code
    for ours, theirs in zip(english, chinese, strict=True):
        assert _CHINESE.search(theirs), code
        assert theirs.endswith("。") or "dangan" in theirs.rsplit("：", 1)[-1], code
        missing = {found for found in _VERBATIM.findall(ours) if found not in theirs}
        assert not missing, f"{code}: {theirs}"


@pytest.mark.parametrize("name", sorted(DETAILS))
def test_a_detail_has_the_same_places_in_both_languages(name: str) -> None:
    places = {field for _, field, _, _ in string.Formatter().parse(DETAILS[name]) if field}
    (line,) = (
        line
        for line in (FOLDER / "zh-CN" / "details.ftl").read_text("utf-8").splitlines()
        if line.startswith(f"detail-{name} =")
    )
    assert set(re.findall(r"\{ \$(\w+) \}", line)) == places
    assert _CHINESE.search(line)


@pytest.mark.parametrize("name", sorted(DETAILS))
@settings(max_examples=10, deadline=None)
@given(number=st.integers(0, 99999), word=st.text("abcXYZ019:/._-文", min_size=1, max_size=12))
def test_what_code_writes_is_recognised_and_keeps_what_it_names(name: str, number: int, word: str) -> None:
    asked = {
        field: number if spec == "d" else word for _, field, spec, _ in string.Formatter().parse(DETAILS[name]) if field
    }
    detail = DETAILS[name].format(**asked)
    found = recognise(detail)
    assert found is not None
    assume(found[0] == name)  # a word may make it one of those that say more
    told = detail_in(detail, "zh-CN")
    assert told != detail
    assert all(str(value) in told for value in asked.values())


@settings(deadline=None)
@given(st.text(max_size=80))
def test_a_detail_that_is_not_listed_is_told_as_it_stands(detail: str) -> None:
    if recognise(detail) is None:
        assert detail_in(detail, "zh-CN") == detail


def _details(path: Path) -> Iterator[tuple[int, str]]:
    """The literal details of a module, places filled with a number: every way that a conditional may go."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        values = []
        if isinstance(node, ast.Call):
            values = [keyword.value for keyword in node.keywords if keyword.arg == "detail"]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in {"detail", "expected", "fault", "wrong"}:
            values = [node.value]
        for value in values:
            yield from ((value.lineno, text) for text in _literals(value))


def _literals(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.IfExp):
        yield from _literals(value.body)
        yield from _literals(value.orelse)
    elif isinstance(value, ast.BoolOp):
        for each in value.values:
            yield from _literals(each)
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else "\x001\x00" for part in value.values]
        yield "".join(parts)


def unlisted(path: Path) -> list[str]:
    """The details of a module whose words nobody could translate."""
    found: list[str] = []
    if path.name == "verify.py":  # what an audit finds is no error's detail
        return found
    for line, text in _details(path):
        literal = _PLACES.sub("", text.replace("\x001\x00", " "))
        listed = recognise(text.replace("\x001\x00", "1")) or recognise(text.replace("\x001\x00", ""))
        if listed is None and text not in _NEUTRAL | _ELSEWHERE and re.search(r"[A-Za-z]{2,}", literal):
            found.append(f"{path.relative_to(ROOT)}:{line}: {text.replace(chr(0) + '1' + chr(0), '{...}')}")
    return found


@pytest.mark.parametrize("package", ["schemas", "keys", "store", "consumers", "streams", "ops"])
def test_the_words_of_every_detail_in_the_code_are_listed(package: str) -> None:
    found = [each for path in sorted((ROOT / package).rglob("*.py")) for each in unlisted(path)]
    assert not found, "list them in schemas/error_texts/details.py, with a text in each language"


def test_the_check_of_details_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "x.py").write_text('raise E("DG", detail=f"{a} is purple" if b else "quite wrong")\ndetail = "row 5"\n')
    assert unlisted(tmp_path / "x.py") == ["x.py:1: {...} is purple", "x.py:1: quite wrong"]


def test_what_a_field_expects_is_listed_for_every_kind() -> None:
    for expected in _EXPECTED.values():
        assert recognise(f"expected {expected}") is not None, expected


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(FIELDS)),
    value=st.text(min_size=4, max_size=40) | st.integers(10**6, 10**18) | st.from_regex(r"\A\d{17}[\dX]\Z"),
)
def test_no_refused_value_is_ever_told_in_any_language(name: str, value: str | int) -> None:
    try:
        normalise(name, FIELDS[name], value)
    except Refusal as refusal:
        for locale in LOCALES:
            known = {"".join(normalised) for normalised in (refusal.sentence, refusal.next_step)}
            told = refusal.told(locale)
            # What stands in the English text already is ours: the text is the same for every value.
            if not any(str(value) in each for each in known):
                assert str(value) not in "".join(told)
            assert told == DanganError("DG-COL-002", field=name, detail=refusal.detail).told(locale)


@settings(deadline=None)
@given(code=st.sampled_from(sorted(TEXTS)), value=st.text("0123456789张李abc@", min_size=6, max_size=30))
def test_a_text_is_the_same_whatever_the_field_was_called(code: str, value: str) -> None:
    for locale in LOCALES:
        assert DanganError(code, field=value).told(locale) == DanganError(code).told(locale)


def test_an_error_is_told_with_its_detail() -> None:
    error = DanganError("DG-UPD-002", detail="current version 7")
    assert error.told() == (error.sentence, error.next_step)
    assert error.told("zh-CN").sentence == "您依据的版本之后，这份档案又有了改动。（当前版本为 7）"
    assert error.told("zh-CN").next_step.startswith("请重新读取档案")


def test_who_reads_english_does_not_load_fluent() -> None:
    code = (
        "import sys; from schemas.errors import DanganError; DanganError('DG-COL-001').told('en');"
        "import streams.pipeline, streams.outbox; assert 'fluent.runtime' not in sys.modules;"
        "DanganError('DG-COL-001').told('zh-CN'); assert 'fluent.runtime' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("environ", "locale"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh-CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh"}, "zh-CN"),
        ({"LC_ALL": "", "LANG": "zh_TW"}, "zh-CN"),
        ({"DANGAN_LANG": "zh-Hans", "LC_ALL": "C"}, "zh-CN"),
        ({"DANGAN_LANG": "en", "LANG": "zh_CN"}, "en"),
        ({"LANG": "de_DE"}, "en"),
    ],
)
def test_the_language_of_a_terminal(environ: dict[str, str], locale: str) -> None:
    assert of_environment(environ) == locale
    assert nearest("ZH_cn") == "zh-CN"
