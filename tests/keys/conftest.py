"""Keys need Vault and the store, not Kafka."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.embedded.program import Service
from ops.embedded.stack import Stack
from tests.harness.services import passing_services


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Vault and the store of a module's own (see tests/conftest.py); stopped even if the run is killed."""
    with passing_services(tmp_path_factory.mktemp("keys"), [Service.MONGO, Service.VAULT]) as started:
        yield started
