"""Fixtures that every folder of tests may use."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest
import structlog

from ops.docs.clauses import clauses
from ops.embedded.kafka import JAVA_VARIABLE
from ops.embedded.stack import Stack
from tests.harness.services import passing_services

# Inherited by the programs that tests start.
os.environ.setdefault(JAVA_VARIABLE, "-XX:TieredStopAtLevel=1")

#: `make unit`: a look at each property while one writes; the whole run takes hypothesis's own numbers.
hypothesis.settings.register_profile("quick", max_examples=10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that claims to show a clause which does not exist is an error before anything runs.

    Files that take long come first: whichever worker is done with its own then fills the rest with the quick ones.
    """
    for item in items:
        for marker in item.iter_markers("clause"):
            if unknown := [str(clause) for clause in marker.args if clause not in clauses()]:
                raise pytest.UsageError(f"{item.nodeid}: there is no clause {', '.join(unknown)}")
    slow = {item.path for item in items if any(item.get_closest_marker(name) for name in ("fault", "flow", "slow"))}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command run inside a test sets up logging; the next test starts without that."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors are told in English, whatever the language of who runs the tests."""
    monkeypatch.setenv("DANGAN_LANG", "en")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The real services, in a folder and on ports of a module's own; stopped even if the run is killed.

    Not of the whole run: a sweep in one module destroys Vault's old key versions, which what another module has
    stored would still need.
    """
    with passing_services(tmp_path_factory.mktemp("stack")) as started:
        yield started
