"""Logging: one JSON object a line on standard error, with codes and counts, never values.

Every third-party logger gets an explicit level. Under Faust the root logger would otherwise leave pymongo and
aiokafka with DEBUG enabled, and each command would be formatted, values included, for nobody. What a library still
says is told without the texts of exceptions, which quote what could not be read.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO, cast

import structlog

#: Keys that a log line may have; whatever else code logs by mistake is dropped.
ALLOWED = frozenset(
    (
        "event", "level", "timestamp", "logger", "code", "field", "error", "wait", "messages", "records", "worker",
        "place", "principal", "bundle", "count", "crashed", "withheld", "kid", "step", "root", "sweep", "exc_info",
        "exception", "writer", "batch", "events", "attempts", "state", "topic", "partition", "offset", "seconds",
        "command", "size", "largest",
    )
)  # fmt: skip
_LONGEST = 300
_QUIET = ("faust", "mode", "aiokafka", "kafka", "pymongo", "aiohttp", "httpx", "httpcore", "asyncio", "urllib3")


def configure_logging(level: int = logging.INFO) -> None:
    """Set up structlog and the levels of third-party loggers."""
    handler = logging.StreamHandler(cast("TextIO", StandardError()))
    handler.setFormatter(LibraryFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            drop_unknown_keys,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", StandardError())),
        cache_logger_on_first_use=False,  # log lines are rare; a kept logger would keep its settings
    )


class LibraryFormatter(logging.Formatter):
    """What a library logs, as a JSON line: the first line of its message, and of an exception its type and its place.

    asyncio and Faust put an exception's repr into the message, after the first line or as an argument.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = {
            "event": _without_errors(record).partition("\n")[0][:_LONGEST],
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line["error"] = type(error).__name__
            if place := traceback.extract_tb(error.__traceback__, limit=-1):
                line["place"] = f"{place[0].filename}:{place[0].lineno} {place[0].name}"
        return json.dumps(line, ensure_ascii=False)


def _without_errors(record: logging.LogRecord) -> str:
    def told(value: object) -> object:
        return type(value).__name__ if isinstance(value, BaseException) else value

    args = record.args
    shown = (
        {name: told(value) for name, value in args.items()}
        if isinstance(args, Mapping)
        else tuple(map(told, args or ()))
    )
    try:
        return str(told(record.msg)) % shown if shown else str(told(record.msg))
    except (TypeError, ValueError):  # a number was expected where an exception stood, or the message is no format
        return str(told(record.msg))


class StandardError:
    """The standard error of the moment: loggers are kept, and whoever replaces or closes the stream (a supervisor,
    a test) must not make them fail.
    """

    def write(self, text: str) -> int:
        """Write a line."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Hand over what was written."""
        sys.stderr.flush()


def drop_unknown_keys(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep only keys that are known to hold no personal value."""
    return {key: value for key, value in event.items() if key in ALLOWED}
