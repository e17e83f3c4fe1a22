"""What an insert's error tells: ids that were taken, or a write that nobody may count on."""

from __future__ import annotations

import pytest
from pymongo.errors import BulkWriteError

from schemas.errors import Transient
from store.database import taken


def test_taken_ids_are_told_by_position() -> None:
    assert taken(BulkWriteError({"writeErrors": [{"index": 3, "code": 11000}, {"index": 5, "code": 11000}]})) == [3, 5]


@pytest.mark.parametrize("problems", [[], [{"index": 3, "code": 11000}]])
def test_a_write_that_no_majority_has_is_not_done(problems: list[dict[str, int]]) -> None:
    with pytest.raises(Transient):
        taken(BulkWriteError({"writeErrors": problems, "writeConcernErrors": [{"code": 11602}]}))


def test_any_other_failure_is_raised() -> None:
    with pytest.raises(BulkWriteError):
        taken(BulkWriteError({"writeErrors": [{"index": 0, "code": 11000}, {"index": 1, "code": 121}]}))
