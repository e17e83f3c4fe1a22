"""The digest of what is stored: what an audit event or a signature names it by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson


def stored_digest(document: Mapping[str, Any]) -> str:
    """SHA-256 over a stored document as JSON with sorted members and bytes in hex, so that it can be compared later.

    Returns:
        64 hex digits.
    """
    text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS, default=bytes.hex)
    return hashlib.sha256(text).hexdigest()
