"""What Faust hands over, as the pipeline sees it: the broker's time, or none that a sender chose."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from streams.app import to_message

NOW = 1_770_000_000.0


def raw(**changes: Any) -> Any:
    parts = {"topic": "archive.collect", "partition": 1, "offset": 7, "timestamp": NOW - 60.5, "timestamp_type": 1}
    return SimpleNamespace(**{**parts, "headers": [("ce_id", b"1")], "value": b"sealed", **changes})


def test_the_brokers_append_time_is_the_messages_time() -> None:
    assert to_message(raw(), clock=lambda: NOW).at_ms == round((NOW - 60.5) * 1000)


def test_a_time_that_the_sender_chose_is_not_believed() -> None:
    for chosen in (0, NOW - 86_400, NOW + 86_400):
        for kind in (0, None, -1):
            message = to_message(raw(timestamp=chosen, timestamp_type=kind), clock=lambda: NOW)
            assert message.at_ms == round(NOW * 1000)


def test_a_tombstone_and_text_are_bytes() -> None:
    assert to_message(raw(value=None, headers=None), clock=lambda: NOW).value == b""
    assert to_message(raw(value="é"), clock=lambda: NOW).value == "é".encode()
