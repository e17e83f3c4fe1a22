"""Logging: one JSON object a line on standard error, with codes and counts, never values.

Every third-party logger gets an explicit level. Under Faust the root logger would otherwise leave pymongo and
aiokafka with DEBUG enabled, and each command would be formatted, values included, for nobody.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
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
_QUIET = ("faust", "mode", "aiokafka", "kafka", "pymongo", "aiohttp", "httpx", "httpcore", "asyncio", "urllib3")


def configure_logging(level: int = logging.INFO) -> None:
    """Set up structlog and the levels of third-party loggers."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s", force=True)
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
