"""What the documents say about commands, codes, files and links is so."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from ops import cli
from ops.docs import errors
from schemas.errors import TEXTS
from streams.publisher import Publisher

ROOT = Path(cli.__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PROGRAM: Any = typer.main.get_command(cli.build())
_WORD = re.compile(r"[a-z][a-z-]*")


def subcommands(command: Any) -> dict[str, Any]:
    """A group's commands; none for a command (Typer brings its own copy of click, so no type to ask for)."""
    return getattr(command, "commands", {})


def commands_in(text: str) -> set[str]:
    """What stands behind ``dangan`` in code: up to three words."""
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
    return {found.strip() for found in re.findall(r"\bdangan((?: [a-z][a-z-]*){1,3})", code)}


def is_command(words: str) -> bool:
    """Whether the words lead to a command or a group; words behind a command are its arguments."""
    here = PROGRAM
    for word in words.split():
        if not subcommands(here):
            return True
        if word not in subcommands(here):
            return False
        here = subcommands(here)[word]
    return True


def options_in(text: str) -> set[tuple[str, str]]:
    """(command, option) as they stand in one line of code."""
    lines = [line for block in re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL) for line in block.splitlines()]
    found = set()
    for line in lines:
        for part in line.split("dangan ")[1:]:
            code = part.split("#")[0]
            words = []
            for word in code.split():
                if not _WORD.fullmatch(word):
                    break
                words.append(word)
            found |= {(" ".join(words), option) for option in re.findall(r"--[a-z][a-z-]*", code)}
    return found


def has_option(words: str, option: str) -> bool:
    here = PROGRAM
    for word in words.split():
        if word not in subcommands(here):
            break
        here = subcommands(here)[word]
    return any(option in (*each.opts, *each.secondary_opts) for each in here.params) or option == "--help"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_document_names_exists(page: Path) -> None:
    unknown = {words for words in commands_in(page.read_text("utf-8")) if not is_command(words)}
    assert not unknown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_option_that_a_document_gives_to_a_command_exists(page: Path) -> None:
    assert not {pair for pair in options_in(page.read_text("utf-8")) if not has_option(*pair)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert not [to for to in targets if "://" not in to and not (page.parent / to).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_code_that_a_document_names_exists(page: Path) -> None:
    assert set(re.findall(r"\bDG-[A-Z]{3}-\d{3}\b", page.read_text("utf-8"))) <= TEXTS.keys()


def test_the_check_of_commands_can_fail() -> None:
    assert not is_command("audit tial")
    assert not is_command("frobnicate")
    assert is_command("audit tail")
    assert not has_option("audit tail", "--colour")
    assert commands_in("`dangan audit tial`") == {"audit tial"}
    assert options_in("`dangan audit tail --colour red`") == {("audit tail", "--colour")}


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    named = {words.split()[0] for words in commands_in(readme)}
    assert not subcommands(PROGRAM).keys() - named


def test_the_error_codes_are_fresh() -> None:
    path = ROOT / "docs" / "errors.md"
    assert path.read_text("utf-8") == errors.text(), "python -m ops.docs.errors docs/errors.md"


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:^|`)make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE))
        assert named <= targets, page.name


def test_ci_runs_what_a_person_runs() -> None:
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")][-1] == "exec make test"


def test_the_lock_names_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in lock
    pinned = re.findall(r"^[A-Za-z0-9._-]+==[^\s\\]+.*$", lock, re.MULTILINE)
    assert len(pinned) > 50
    assert all(line.endswith("\\") for line in pinned)
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        *declared["dependencies"],
        *(each for extra in declared["optional-dependencies"].values() for each in extra),
    ]
    names = {re.split(r"==", line)[0].lower().replace("_", "-") for line in pinned}
    assert {re.sub(r"[._]", "-", re.split(r"[\[<>=~! ]", each)[0].lower()) for each in wanted} <= names
    assert {"hatchling", "editables"} <= names, "lock with `make lock`: what builds the package is locked as well"


def test_the_hooks_run_what_is_installed() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [repo["repo"] for repo in hooks["repos"]] == ["local"]


def test_the_publisher_example_in_the_readme_fits_the_publisher() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    tree = ast.parse(code)
    assert len(code.splitlines()) <= 30
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert all(hasattr(module, each.name) for each in node.names)
        if isinstance(node, ast.Call):
            known: dict[str, Any] = {"Publisher": Publisher, "archive.collect": Publisher.collect}
            target = known.get(ast.unparse(node.func))
            if target is not None:
                given = [object()] * len(node.args) if target is Publisher else [object()]
                inspect.signature(target).bind(*given, **{str(each.arg): None for each in node.keywords})
