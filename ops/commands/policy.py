"""``dangan policy``: check the Cedar policies, show them, ask them, and run their tests."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from consumers.authorize import Authorizer
from consumers.policies import policies_of, schema_problems
from ops.cli import tell
from ops.config import load_settings
from ops.policies.cases import Case, Who, load_cases
from ops.policies.explain import Explanation, explain
from ops.policies.registered import as_registered, record_attributes
from ops.policies.table import Answer, answers
from ops.printable import plain
from ops.rules import policy_files, policy_root
from schemas.errors import DanganError
from schemas.levels import Level

Folder = Annotated[
    Path | None,
    typer.Option("--policies", help="Policies folder (cedar/, tests/); by default the settings', or dangan's own."),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Pairs = Annotated[
    list[str] | None, typer.Option(help="An attribute of the record, building=b-07; repeat. See policies/cedar.")
]


def register(app: typer.Typer) -> None:
    """Add ``dangan policy`` with its subcommands to the command line."""
    group = typer.Typer(
        help="Who may do what: policies in Cedar (docs/policies.md), checked, shown, explained and tested.",
        no_args_is_help=True,
    )
    for name, command in (("check", check), ("show", show), ("explain", explain_one), ("test", put_to_test)):
        group.command(name)(command)
    app.add_typer(group, name="policy")


def check(folder: Folder = None) -> None:
    """Say whether the policies can be used; if not, what is wrong, where, and what to do.

    A worker makes the same check when it starts, and does not start if it fails.
    """
    texts, schema = _files(folder)
    found = policies_of(texts)
    problems = schema_problems(found, schema)
    for problem in problems[:-1]:
        tell(problem)
    if problems:
        raise problems[-1]
    Console().print(f"{len(found)} policies in {len(texts)} files fit the schema", highlight=False)


def show(
    policy: Annotated[str | None, typer.Argument(help="A policy's id: show its text.")] = None,
    as_json: AsJson = False,
    folder: Folder = None,
) -> None:
    """List the policies with their clauses, or show one as it is written."""
    found = policies_of(_files(folder)[0])
    if policy is not None:
        chosen = next((each for each in found if each.id == policy), None)
        if chosen is None:
            raise DanganError("DG-POL-012", field=policy)
        sys.stdout.write(f"// {chosen.place}\n{chosen.text}\n")
        return
    if as_json:
        rows = [{"id": p.id, "effect": p.effect, "clauses": p.clauses, "file": p.file, "line": p.line} for p in found]
        sys.stdout.write(json.dumps(rows, ensure_ascii=False) + "\n")
        return
    table = Table("policy", "effect", "clauses", "where")
    for each in found:
        table.add_row(*map(plain, (each.id, each.effect, " ".join(each.clauses), each.place)))
    Console().print(table)


def explain_one(
    who: Annotated[
        str, typer.Option("--as", help='A registered principal, or a JSON file: {"roles": ["reader"], "scope": {}}.')
    ],
    action: Annotated[str, typer.Option(help="What it wants to do: access, apply, update, ...")] = "access",
    record: Annotated[str | None, typer.Option(help="A record of the archive whose attributes count.")] = None,
    about: Pairs = None,
    level: Annotated[Level, typer.Option(help="The highest level among the fields concerned.")] = Level.BASIC,
    purpose: Annotated[str, typer.Option(help="What for.")] = "account_service",
    as_json: AsJson = False,
    folder: Folder = None,
    home: Annotated[Path | None, typer.Option(help="Folder of the installation, if one is asked.")] = None,
) -> None:
    """Say which policies allow or forbid something, or what keeps the nearest permits from it.

    With a JSON file and --about nothing is asked of any server. A grant is needed on top of every read: this tells of
    policies alone.
    """
    case = _case(who, action, record, about or [], level, purpose, home)
    found = explain(_authorizer(folder, home), case)
    if as_json:
        sys.stdout.write(json.dumps(_as_json(found), ensure_ascii=False) + "\n")
    else:
        _print(found)


def put_to_test(
    failed: Annotated[bool, typer.Option("--failed", help="Show only rows that are answered otherwise.")] = False,
    as_json: AsJson = False,
    folder: Folder = None,
) -> None:
    """Put every row of the policy tests (tests/*.toml) to the policies; exit status 1 if any is answered otherwise."""
    root = _root(folder)
    results = answers(_authorizer(folder), load_cases(root / "tests"))
    wrong = [each for each in results if not each.as_expected]
    if as_json:
        rows = [
            {
                "name": r.case.name,
                "clause": r.case.clause,
                "expect": r.case.expect,
                "allowed": r.allowed,
                "code": r.code,
            }
            for r in results
        ]
        sys.stdout.write(json.dumps(rows, ensure_ascii=False) + "\n")
    else:
        _print_results(wrong if failed else results)
    if wrong:
        raise DanganError("DG-POL-011", detail=f"{len(wrong)} / {len(results)}")


def _root(folder: Path | None, home: Path | None = None) -> Path:
    return policy_root(folder or load_settings(home).policies)


def _files(folder: Path | None, home: Path | None = None) -> tuple[dict[str, str], str]:
    try:
        return policy_files(_root(folder, home))
    except (OSError, ValueError) as error:
        raise DanganError("DG-OPS-030", field="cedar", detail=str(error)) from None


def _authorizer(folder: Path | None, home: Path | None = None) -> Authorizer:
    return Authorizer(*_files(folder, home))


def _case(
    who: str, action: str, record: str | None, pairs: list[str], level: Level, purpose: str, home: Path | None
) -> Case:
    attributes: dict[str, Any] | None = None
    if record is not None:
        attributes = asyncio.run(record_attributes(load_settings(home), record))
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise DanganError("DG-POL-012", field=pair)
        attributes = {**(attributes or {}), name: value == "true" if name == "objected" else value}
    asked: Mapping[str, Any] = {
        "name": "as asked", "clause": "SEC-02", "who": _who(who, home), "action": action, "level": level,
        "purpose": purpose, "record": attributes, "expect": "allow",
    }  # fmt: skip
    try:
        return Case.model_validate(asked)
    except ValidationError as error:
        first = error.errors()[0]
        raise DanganError("DG-POL-012", field=".".join(map(str, first["loc"])), detail=first["msg"]) from None


def _who(who: str, home: Path | None) -> Who:
    file = Path(who)
    if not file.is_file():
        return asyncio.run(as_registered(load_settings(home), who))
    try:
        return Who.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        detail = error.errors()[0]["msg"] if isinstance(error, ValidationError) else type(error).__name__
        raise DanganError("DG-POL-012", field=file.name, detail=detail) from None


def _as_json(found: Explanation) -> dict[str, object]:
    return {
        "allowed": found.allowed,
        "deciding": [
            {"id": p.id, "effect": p.effect, "clauses": p.clauses, "where": p.place, "text": p.text}
            for p in found.deciding
        ],
        "errors": found.errors,
        "near": [{"id": near.policy.id, "where": near.policy.place, "failing": near.failing} for near in found.near],
    }


def _print(found: Explanation) -> None:
    console = Console(soft_wrap=True)
    console.print("[bold green]allowed[/]" if found.allowed else "[bold red]refused[/]")
    for policy in found.deciding:
        console.print(plain(f"{policy.effect}  {policy.id}  ({', '.join(policy.clauses)})  {policy.place}"))
        console.print(plain(policy.text), style="dim", highlight=False)
    for error in found.errors:
        console.print(plain(error), style="red")
    if not found.deciding:
        console.print("No policy permits it. What keeps the nearest ones from it:")
        for near in found.near:
            console.print(plain(f"  {near.policy.id}  ({', '.join(near.policy.clauses)})  {near.policy.place}"))
            for condition in near.failing:
                console.print(plain(f"    does not hold: {condition}"), highlight=False)


def _print_results(results: list[Answer]) -> None:
    table = Table("row", "clause", "action", "expected", "answer")
    for each in results:
        said = each.code or ("allow" if each.allowed else "deny")
        colour = "green" if each.as_expected else "bold red"
        cells = (each.case.name, each.case.clause, each.case.action, each.case.expect)
        table.add_row(*map(plain, cells), f"[{colour}]{said}[/]")
    Console().print(table)
    wrong = sum(not each.as_expected for each in results)
    Console().print(f"{len(results)} rows, {wrong} answered otherwise", highlight=False)
