"""What stands in the store is tested on the store alone, started once: every test has a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.embedded.program import Service
from ops.embedded.stack import Stack
from tests.harness.services import passing_services


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The store, without Kafka and Vault; stopped even if the run is killed."""
    with passing_services(tmp_path_factory.mktemp("store"), [Service.MONGO]) as started:
        yield started
