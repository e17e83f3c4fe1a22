"""A report as data, and its digest: the same for every language and form, so that papers can be compared.

The digest is SHA-256 over the ``report`` member of the JSON file in canonical form (RFC 8785: members sorted, no white
space). Every message stands there in all languages; the language that a file is written in is not part of it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, Final

import orjson

from ops.reports.model import Report
from ops.reports.words import Say, told
from schemas.locales import LOCALES

FORMAT: Final = "dangan-report-1"
#: Not part of what is digested: how it is told, not what.
_MANNER: Final = frozenset({"language"})


def as_data(report: Report) -> dict[str, Any]:
    """The report in JSON's types; messages as ``{"en": ..., "zh-CN": ...}``, decimals as strings."""
    data: dict[str, Any] = _plain(report)
    return data


def digest(report: Report) -> str:
    """SHA-256 of the report's data in canonical form, in hexadecimal."""
    return hashlib.sha256(_canonical(as_data(report))).hexdigest()


def as_json(report: Report) -> bytes:
    """The JSON file: format, digest, report."""
    data = as_data(report)
    whole = {"format": FORMAT, "digest": hashlib.sha256(_canonical(data)).hexdigest(), "report": data}
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _canonical(data: dict[str, Any]) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)


def _plain(value: object) -> Any:
    if isinstance(value, Say):
        return {language: told(value, language) for language in LOCALES}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value):
        names = [each.name for each in fields(value) if each.name not in _MANNER]
        return {"type": type(value).__name__.lower()} | {name: _plain(getattr(value, name)) for name in names}
    return _leaf(value)


def _leaf(value: object) -> str | int | None:
    match value:
        case None | int() | str():
            return value
        case datetime() | date():
            return value.isoformat()
        case Decimal() | timezone():
            return str(value)
        case bytes():
            return base64.b64encode(value).decode()
    raise TypeError(f"no part of a report: {type(value).__name__}")
