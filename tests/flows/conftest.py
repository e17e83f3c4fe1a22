"""An archive at work on the module's services, for as long as a module's tests run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from ops.embedded.stack import Stack
from tests.harness.office import Office, open_office
from tests.harness.workers import Worker


@pytest.fixture(scope="module")
def office(stack: Stack) -> Office:
    """People and systems, newly registered for the module."""
    return asyncio.run(open_office(stack.settings))


@pytest.fixture(scope="module")
def worker(stack: Stack, office: Office) -> Iterator[Worker]:
    """A worker process on the module's services."""
    with Worker(stack.home, "flow") as started:
        started.wait_started()
        yield started
