"""The clauses of the regulations, and where code and tests name them.

A test names clauses in a marker (``pytest.mark.clause("COL-01")``), code in a docstring or a comment, alone or in a
row: ``COL-09, 10, 12`` and ``COL-01 to 06`` mean each of them. Nothing is imported and nothing is run. What this folder
itself names are examples, and not counted.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
#: Where code is looked for.
PACKAGES: Final = ("ops", "streams", "consumers", "store", "keys", "schemas", "policies")
#: Kinds of clause that software fulfils; the others are a duty of people.
BUILT: Final = frozenset(("enforce", "record", "report"))

_ID: Final = re.compile(r"(?<![\w-])([A-Z]{3})-(\d{2})(?![\w-])((?:(?:, and |, | and | to )\d{2}(?![\w%-]|\.\d))*)")
_NEXT: Final = re.compile(r"(, and |, | and | to )(\d{2})")
#: A word that says a clause is meant: whatever follows it must be one.
_CLAUSE: Final = re.compile(r"\bclauses? ([A-Z]{3})-\d{2}\b")
_SETTING: Final = re.compile(r"\b[a-z_]+\.[a-z_]+\b")


@dataclass(frozen=True, slots=True)
class Clause:
    """One obligation (义务) of the regulations.

    Attributes:
        kind: enforce, record, report, or outside for a duty of people.
        must: the norm; of a duty of people also the evidence that software keeps.
        settings: what a profile sets where the texts differ.
    """

    id: str
    title: str
    must: str
    kind: str
    term: str
    settings: tuple[str, ...]

    @property
    def prefix(self) -> str:
        """The stage of the lifecycle, for instance COL."""
        return self.id[:3]


@dataclass(frozen=True, slots=True)
class Mention:
    """A clause id at a place.

    Attributes:
        file: below the project's root.
        line: from 1.
        test: the test (or class) that a marker stands on; the empty text for one of a whole module, None for code.
    """

    id: str
    file: str
    line: int
    test: str | None = None


@cache
def clauses(root: Path = ROOT) -> Mapping[str, Clause]:
    """Every clause, by id, in the catalogue's order."""
    catalogue = tomllib.loads((root / "regulation" / "clauses.toml").read_text("utf-8"))
    return {
        entry["id"]: Clause(
            entry["id"],
            entry["title"],
            entry["must"],
            entry["kind"],
            entry["term"],
            tuple(_SETTING.findall(entry.get("conflict", "").rpartition("Setting")[2])),
        )
        for entry in catalogue["clause"]
    }


def finished(root: Path = ROOT) -> frozenset[str]:
    """The prefixes of which every clause must have a test."""
    return frozenset(tomllib.loads((root / "regulation" / "finished.toml").read_text("utf-8"))["prefixes"])


def in_tests(root: Path = ROOT) -> list[Mention]:
    """Every marker in ``tests/``."""
    found: list[Mention] = []
    for path in sorted((root / "tests").rglob("*.py")):
        found += _marked(ast.parse(path.read_text("utf-8")), str(path.relative_to(root)), "")
    return found


def in_code(root: Path = ROOT) -> list[Mention]:
    """Every clause that a docstring or comment of the packages names."""
    known = {each[:3] for each in clauses(root)}
    found = []
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in _COMMENTS and path.parent != root / "ops" / "docs":
                for line, text in _COMMENTS[path.suffix](path.read_text("utf-8")):
                    found += [Mention(each, str(path.relative_to(root)), line) for each in ids_in(text, known)]
    return found


def ids_in(text: str, prefixes: frozenset[str] | set[str]) -> list[str]:
    """The clause ids in a text, rows of numbers written out.

    Args:
        text: one line or paragraph.
        prefixes: the known ones; another one counts only behind the word "clause".
    """
    meant = prefixes | set(_CLAUSE.findall(text))
    found: list[str] = []
    for match in _ID.finditer(text):
        if match[1] not in meant:
            continue
        numbers = [int(match[2])]
        for join, number in _NEXT.findall(match[3]):
            numbers += range(numbers[-1] + 1, int(number)) if join == " to " else []
            numbers.append(int(number))
        found += [f"{match[1]}-{number:02}" for number in numbers]
    return found


def _marked(node: ast.AST, file: str, scope: str) -> Iterator[Mention]:
    """The markers below a node; ``scope`` is the function or class that they stand on."""
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{scope}.{child.name}" if scope else child.name
        elif isinstance(child, ast.Assign) and not scope:
            inner = _target(child)
        elif isinstance(child, ast.Call) and ast.unparse(child.func) in {"pytest.mark.clause", "mark.clause"}:
            for argument in child.args:
                named = argument.value if isinstance(argument, ast.Constant) else f"not a literal: {type(argument)}"
                yield Mention(str(named), file, argument.lineno, scope)
        yield from _marked(child, file, inner)


def _target(assign: ast.Assign) -> str:
    """The test that an assignment marks: ``TestX.pytestmark = ...``; a module's own ``pytestmark`` marks them all."""
    target = assign.targets[0]
    return ast.unparse(target.value) if isinstance(target, ast.Attribute) else ""


def _python(source: str) -> Iterator[tuple[int, str]]:
    """The comments and docstrings of a module, line by line."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[0] if node.body else None
            if isinstance(body, ast.Expr) and isinstance(body.value, ast.Constant) and ast.get_docstring(node):
                for number, line in enumerate(str(body.value.value).splitlines()):
                    yield body.lineno + number, line


def _commented(source: str, mark: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.splitlines(), start=1):
        if mark in line:
            yield number, line.partition(mark)[2]


_COMMENTS: Final[Mapping[str, Callable[[str], Iterator[tuple[int, str]]]]] = {
    ".py": _python,
    ".toml": lambda source: _commented(source, "#"),
    ".cedar": lambda source: _commented(source, "//"),
}
