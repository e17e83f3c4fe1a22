"""The policy tests: every row holds, and no policy can go without a row that notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumers.authorize import Authorizer
from ops.policies.cases import load_cases
from ops.policies.table import answers
from ops.rules import policy_files, policy_root
from schemas.errors import DanganError

FILES, SCHEMA = policy_files(policy_root())
WHOLE = Authorizer(FILES, SCHEMA)
CASES = load_cases(policy_root() / "tests")


@pytest.mark.clause("SEC-02", "SEC-03", "SEC-07", "STO-04", "USE-06")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_policies_answer_as_the_table_expects(case: object) -> None:
    (answer,) = answers(WHOLE, [case])  # type: ignore[list-item]
    assert answer.as_expected


@pytest.mark.clause("SEC-02", "SEC-03")
@pytest.mark.parametrize("gone", [policy.id for policy in WHOLE.policies])
def test_without_any_one_policy_some_row_fails(gone: str) -> None:
    rest = "\n".join(policy.text for policy in WHOLE.policies if policy.id != gone)
    assert not all(answer.as_expected for answer in answers(Authorizer({"rest.cedar": rest}, SCHEMA), CASES))


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    "row",
    [
        'name = "no answer"\nclause = "SEC-02"\nwho = "reader"\naction = "access"',
        'name = "no such action"\nclause = "SEC-02"\nwho = "reader"\naction = "look"\nexpect = "deny"',
        'name = "no such person"\nclause = "SEC-02"\nwho = "ghost"\naction = "access"\nexpect = "deny"',
        'name = "no such attribute"\nclause = "SEC-02"\nwho = "reader"\naction = "access"\nexpect = "deny"\n'
        'record = { floor = "3" }',
        'name = "a word for a truth"\nclause = "SEC-02"\nwho = "reader"\naction = "access"\nexpect = "deny"\n'
        'record = { objected = "yes" }',
        'name = "not TOML',
    ],
)
def test_a_row_that_asks_nothing_is_an_error_and_names_its_place(tmp_path: Path, row: str) -> None:
    (tmp_path / "mine.toml").write_text(f'[who.reader]\nroles = ["reader"]\n\n[[case]]\n{row}\n', "utf-8")
    with pytest.raises(DanganError) as error:
        load_cases(tmp_path)
    assert error.value.code == "DG-POL-010"
    assert (error.value.field or "").startswith("mine.toml")


def test_a_folder_without_rows_tests_nothing_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(DanganError, match="DG-POL-010"):
        load_cases(tmp_path)
