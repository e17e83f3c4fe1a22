"""Logs hold codes and counts; whatever else code logs by mistake is dropped, and third parties stay quiet."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from ops.logs import configure_logging
from schemas.errors import DanganError

CANARY = "11010519491231002X"


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in ("pymongo", "aiokafka", "faust")}
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.raiseExceptions = True
    logging.root.handlers[:], logging.root.level = handlers, level
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)


def test_unknown_keys_are_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    structlog.get_logger("x").warning("collected", code="DG-COL-002", value=CANARY, id_number=CANARY)
    line = capsys.readouterr().err
    assert CANARY not in line
    assert json.loads(line)["code"] == "DG-COL-002"


@pytest.mark.parametrize("name", ["pymongo.command", "aiokafka.conn", "faust.app", "mode", "aiohttp.access"])
def test_third_party_loggers_do_not_even_format(name: str) -> None:
    configure_logging()
    assert not logging.getLogger(name).isEnabledFor(logging.WARNING)


def test_a_logger_outlives_the_stream_it_was_made_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with io.StringIO() as first, monkeypatch.context() as patched:
        patched.setattr("sys.stderr", first)
        configure_logging()
        logger = structlog.get_logger("x")
        logger.warning("one", count=1)
    logger.warning("two", count=2)
    assert json.loads(capsys.readouterr().err)["event"] == "two"


class Odd:
    def __str__(self) -> str:
        raise RuntimeError(CANARY)


def _unreadable() -> None:
    raise ValueError(CANARY)


@pytest.mark.parametrize(
    ("message", "args"),
    [
        (f"Task exception was never retrieved\nfuture: <Task exception=ValueError({CANARY!r})>", ()),
        ("Crashed reason=%r", (ValueError(CANARY),)),
        ("Crashed reason=%(reason)r", ({"reason": ValueError(CANARY)},)),
        (ValueError(CANARY), ()),
        ("attempt %d", (ValueError(CANARY),)),
        ("attempts %s", ([ValueError(CANARY)],)),
        ("attempt %(number)s", ({"other": CANARY},)),
        (f"Exception in callback Future.set_result({{'name': '{CANARY}'}})", ()),
        ("at %s", (Odd(),)),
    ],
    ids=["asyncio", "argument", "mapping", "message", "no number", "in a list", "no such key", "callback", "no text"],
)
def test_what_a_library_says_of_an_error_is_a_line_without_the_error_s_text(
    message: object, args: tuple[object, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging()
    try:
        _unreadable()
    except ValueError as error:
        logging.getLogger("asyncio").exception(message, *args, exc_info=error)
    text = capsys.readouterr().err
    assert CANARY not in text
    line = json.loads(text)
    assert line["error"] == "ValueError"
    assert line["logger"] == "asyncio"
    assert line["place"].endswith("_unreadable")


def test_an_error_of_ours_is_told_with_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    logging.getLogger("mode").error("Crashed", exc_info=DanganError("DG-STO-001", detail=CANARY))
    text = capsys.readouterr().err
    assert CANARY not in text
    assert json.loads(text)["code"] == "DG-STO-001"


def test_a_library_s_message_keeps_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    logging.getLogger("aiokafka.conn").error("Unable to connect to %s:%d, attempt %.1f", "localhost", 9092, 2)
    assert json.loads(capsys.readouterr().err)["event"] == "Unable to connect to localhost:9092, attempt 2.0"
