"""Each regulation's profile, walked from the first application for permissions to the confirmed destruction.

What a text demands is written out below by hand, from the text: never read from the profile. At every step that others
sign it is tried first without the last signature, or with somebody else's, and must be refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from ops.embedded.stack import Stack
from tests.harness.house import House
from tests.harness.life import Text, live
from tests.harness.workers import Worker

pytestmark = pytest.mark.flow

TEXTS: Final = {
    "general-company": Text(
        confirm=("archivist",), use=("archivist",), external=("archivist", "general"),
        destroy=("department", "department2"), consent_to_share=False, consent_to_keep=False, at_the_end="either",
    ),
    "protection-standard": Text(destroy=("department", "records"), consent_to_share=False),
    "archive-custody": Text(confirm=(), witness="registrar"),
    "rural-cooperative": Text(
        confirm=("manager",), use=("manager", "head"),
        ground="lost_value", consent_to_share=False,
    ),
    "bank-notice": Text(at_the_end="either"),
    "company-rules": Text(use=("general",), external=("archivist", "general")),
    "crm": Text(),
    "securities-branch": Text(),
    "property-management": Text(
        update="stewards", segment="taken_over", form="household@1",
        code=r"taken_over/b07/3-u301-01-01", standing=True,
    ),
    "sensitive-information": Text(),
    "bank-records": Text(),
    "archive-scope": Text(segment="individual"),
    "general-measures": Text(),
}  # fmt: skip


@pytest.fixture(params=TEXTS)
def house(request: pytest.FixtureRequest, stack: Stack, tmp_path: Path) -> Iterator[tuple[House, Text]]:
    """An organisation under the profile, with a worker."""
    made = House.open(stack, request.param, tmp_path)
    with Worker(made.settings.home, "life") as worker:
        worker.wait_started()
        yield made, TEXTS[request.param]


@pytest.mark.clause("COL-03", "COL-04", "COL-11", "COL-17", "COL-18", "ARR-10", "USE-01", "USE-03", "USE-11", "UPD-02")
@pytest.mark.clause("SHR-03", "SHR-05", "SHR-10", "STO-11", "DES-01", "DES-04", "DES-05", "DES-06", "DES-09", "SEC-04")
def test_a_life_under_the_profile(house: tuple[House, Text]) -> None:
    live(*house)
