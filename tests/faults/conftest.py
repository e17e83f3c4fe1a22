"""Fault tests kill what they use: each has services of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.embedded.stack import Stack
from tests.harness.services import own_services


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """Services that only one test uses, on a real broker."""
    with own_services(tmp_path / "home") as started:
        if started.kafka_kind != "broker":
            pytest.skip("the mock cluster keeps nothing when it is killed")
        yield started
