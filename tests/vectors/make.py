"""Writes the test vectors: ``python -m tests.vectors.make``. Everything in them is fixed, so runs agree.

``keys.json`` the key pairs; ``bundles.json`` and ``replies.json`` sealed messages, good and bad, each with
what must come of it; ``announcements.json`` signed words on ingest keys. docs/wire.md explains the fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.vectors import answers, bundles

HERE = Path(__file__).parent
FILES: dict[str, Callable[[], Any]] = {
    "keys.json": bundles.keys,
    "bundles.json": bundles.bundles,
    "replies.json": answers.replies,
    "announcements.json": answers.announcements,
}


def text_of(name: str) -> str:
    """A vector file's text."""
    return json.dumps(FILES[name](), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for file in FILES:
        (HERE / file).write_text(text_of(file), encoding="utf-8")
