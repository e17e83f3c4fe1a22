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

from schemas.errors import DanganError

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
    logging.raiseExceptions = False  # a line that cannot be written is not told with its arguments instead
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
    """What a library logs, as a JSON line: the first line of its message; of an exception its type, code and place.

    asyncio and Faust put an exception's repr into the message, after the first line or as an argument.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = {
            "event": _told(record).partition("\n")[0][:_LONGEST],
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line["error"] = type(error).__name__
            if isinstance(error, DanganError):
                line["code"] = error.code
            if place := traceback.extract_tb(error.__traceback__, limit=-1):
                line["place"] = f"{place[0].filename}:{place[0].lineno} {place[0].name}"
        return json.dumps(line, ensure_ascii=False)


def _told(record: logging.LogRecord) -> str:
    """The message with its texts and numbers. Whatever else is put into it is named by its type: it may quote."""

    def shown(value: object) -> object:
        return value if isinstance(value, str | int | float) else type(value).__name__

    args = record.args
    said: Mapping[str, object] | tuple[object, ...] | None = None
    if isinstance(args, Mapping):
        said = {name: shown(value) for name, value in args.items()}
    elif args:
        said = tuple(map(shown, args))
    try:
        text = str(shown(record.msg)) % said if said else str(shown(record.msg))
    except Exception:  # noqa: BLE001 - logging would print the arguments instead
        text = str(shown(record.msg))
    # asyncio writes out callbacks with their arguments
    return text.partition("(")[0].rstrip() if record.name.partition(".")[0] == "asyncio" else text


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
