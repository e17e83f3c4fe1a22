"""``dangan policy`` without any server: what a compliance officer sees, and what hostile files lead to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from ops.commands import policy
from ops.rules import load_rules, policy_root
from schemas.errors import DanganError

FORBID = '@id("{id}")\n@clause("SEC-02")\nforbid (principal, action, resource)\nwhen {{ {when} }};\n'


def run(*words: str) -> Result:
    app = typer.Typer()
    policy.register(app)
    return CliRunner().invoke(app, ["policy", *words], env={"COLUMNS": "200"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(policy_root(), tmp_path / "policies")
    return tmp_path / "policies"


@pytest.fixture
def clerk(tmp_path: Path) -> str:
    file = tmp_path / "clerk.json"
    file.write_text(json.dumps({"roles": ["steward"], "clearance": "basic", "scope": {"building": ["b-07"]}}))
    return str(file)


def refusal(result: Result) -> str:
    assert isinstance(result.exception, DanganError)
    return f"{result.exception.code} {result.exception.field}"


def test_the_policies_that_come_with_dangan_fit_and_answer_as_expected() -> None:
    assert "fit the schema" in run("check").output
    shown = run("test")
    assert shown.exit_code == 0
    assert " 0 answered otherwise" in shown.output
    assert "secret-records-need-special-permission" in run("show").output
    assert "forbid (" in run("show", "secret-records-need-special-permission").output
    assert all(row["clauses"] for row in json.loads(run("show", "--json").output))


@pytest.mark.clause("SEC-02", "USE-06")
def test_explain_names_the_policy_that_decided(clerk: str) -> None:
    own = json.loads(run("explain", "--as", clerk, "--about", "building=b-07", "--json").output)
    assert (own["allowed"], [p["id"] for p in own["deciding"]]) == (
        True,
        ["stewards-and-fee-collectors-read-households"],
    )
    other = run("explain", "--as", clerk, "--about", "building=b-09")
    assert "refused" in other.output
    assert "stewards-and-fee-collectors-only-own-buildings" in other.output
    assert "USE-06" in other.output


@pytest.mark.clause("SEC-02")
def test_explain_says_what_keeps_the_nearest_permit_from_it(clerk: str) -> None:
    found = json.loads(run("explain", "--as", clerk, "--level", "core", "--json").output)
    assert not found["allowed"]
    assert found["deciding"] == []
    assert found["near"][0]["id"] == "stewards-and-fee-collectors-read-households"
    assert found["near"][0]["failing"] == ["principal.clearance >= resource.level"]
    assert (
        "does not hold: principal.clearance >= resource.level"
        in run("explain", "--as", clerk, "--level", "core").output
    )


def test_a_question_that_cannot_be_asked_is_refused_by_name(clerk: str, tmp_path: Path) -> None:
    assert refusal(run("explain", "--as", clerk, "--about", "floor=3")) == "DG-POL-012 record"
    assert refusal(run("explain", "--as", clerk, "--about", "floor")) == "DG-POL-012 floor"
    assert refusal(run("explain", "--as", clerk, "--action", "look")) == "DG-POL-012 action"
    (tmp_path / "bad.json").write_text('{"rolls": []}')
    assert refusal(run("explain", "--as", str(tmp_path / "bad.json"))) == "DG-POL-012 bad.json"
    assert refusal(run("show", "no-such-policy")) == "DG-POL-012 no-such-policy"


@pytest.mark.clause("SEC-02")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("permit (principal", "DG-POL-001 mine.cedar:1"),
        ("\n\npermit (principal, action, resource);", "DG-POL-002 mine.cedar:3"),
        ('@id("x-x") permit (principal, action, resource);', "DG-POL-002 mine.cedar:1"),
        ('@id("x-x") @clause("law") permit (principal, action, resource);', "DG-POL-002 mine.cedar:1"),
        (FORBID.format(id="readers-read", when="true"), "DG-POL-003 read.cedar:4"),
        (FORBID.format(id="mine-all", when="resource.colour == 1"), "DG-POL-006 mine.cedar:1"),
        (FORBID.format(id="mine-all", when='resource.level == "high"'), "DG-POL-006 mine.cedar:1"),
        (
            '@id("mine-all") @clause("SEC-02") permit (principal == ?principal, action, resource);',
            "DG-POL-001 mine.cedar:1",
        ),
    ],
)
def test_hostile_policies_fail_closed_at_the_start_and_are_named(folder: Path, text: str, code: str) -> None:
    (folder / "cedar" / "mine.cedar").write_text(text, "utf-8")
    assert refusal(run("check", "--policies", str(folder))) == code
    with pytest.raises(DanganError) as error:  # as a worker starts
        load_rules(folder)
    assert f"{error.value.code} {error.value.field}" == code


def test_a_broken_schema_and_no_policies_fail_closed(folder: Path) -> None:
    (folder / "cedar" / "archive.cedarschema").write_text("entity {", "utf-8")
    assert refusal(run("check", "--policies", str(folder))).startswith("DG-POL-007")
    for file in (folder / "cedar").glob("*.cedar"):
        file.unlink()
    assert refusal(run("check", "--policies", str(folder))).startswith("DG-POL-004")
    shutil.rmtree(folder / "cedar")
    assert refusal(run("check", "--policies", str(folder))).startswith("DG-OPS-030")


def test_a_policy_that_cannot_be_evaluated_fails_its_rows(folder: Path) -> None:
    overflow = FORBID.format(id="mine-all", when="resource.level + 9223372036854775807 > principal.clearance")
    (folder / "cedar" / "mine.cedar").write_text(overflow, "utf-8")
    assert run("check", "--policies", str(folder)).exit_code == 0  # only an evaluation can tell
    result = run("test", "--failed", "--policies", str(folder))
    assert refusal(result).startswith("DG-POL-011")
    assert "DG-POL-005" in result.output
