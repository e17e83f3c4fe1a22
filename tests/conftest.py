"""Fixtures that every folder of tests may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.embedded.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The real services, in a folder and on ports of this run; stopped even if the run is killed."""
    with Stack.start(tmp_path_factory.mktemp("stack")) as started:
        yield started
