"""Policy files as single policies: each with its id, its clauses, and the place where it stands.

Cedar numbers the policies of a text; people know them by their ``@id``. Every policy must have one, and name the
clauses that it is for: ``@clause("SEC-06, USE-06")``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import cedarpy

from schemas.errors import DanganError

#: More than that is no rule book but a list of people.
MAX_POLICIES: Final = 1000
MAX_FILE_BYTES: Final = 256 * 1024
_ID: Final = re.compile(r"^[a-z][a-z0-9-]{2,79}$")
_CLAUSE: Final = re.compile(r"^[A-Z]{3}-\d{2}$")
#: What a statement is made of: a string, a comment, an end, or anything else.
_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|;|\s+|[^";/\s]+|.', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy.

    Attributes:
        id: its ``@id``; unique in the set.
        clauses: of its ``@clause``.
        effect: what it does when it matches.
        file, line: where it begins.
        text: as it is written, comments before it left out.
        parsed: Cedar's own JSON of it.
    """

    id: str
    clauses: tuple[str, ...]
    effect: Literal["permit", "forbid"]
    file: str
    line: int
    text: str
    parsed: Mapping[str, Any]

    @property
    def place(self) -> str:
        """Where it stands: ``read.cedar:12``."""
        return f"{self.file}:{self.line}"


def policies_of(files: Mapping[str, str]) -> tuple[Policy, ...]:
    """Take policy files apart.

    Args:
        files: Cedar text by file name.

    Raises:
        DanganError: DG-POL-001 (does not parse), 002 (id or clause missing, or wrong), 003 (an id twice), 004 (none,
            or too many); the field names file and line.
    """
    found: dict[str, Policy] = {}
    for file, text in sorted(files.items()):
        if len(text.encode()) > MAX_FILE_BYTES:
            raise DanganError("DG-POL-004", field=file, detail=str(len(text.encode())))
        for line, statement in _statements(text):
            policy = _policy(file, line, statement)
            if policy.id in found:
                raise DanganError("DG-POL-003", field=policy.place, detail=f"{policy.id} {found[policy.id].place}")
            found[policy.id] = policy
    if not 0 < len(found) <= MAX_POLICIES:
        raise DanganError("DG-POL-004", detail=str(len(found)))
    return tuple(found.values())


def check_schema(policies: Sequence[Policy], schema: str) -> None:
    """Check each policy against the schema.

    Raises:
        DanganError: DG-POL-006 naming the first policy that breaks it; DG-POL-007 when the schema itself is wrong.
    """
    if problems := schema_problems(policies, schema):
        raise problems[0]


def schema_problems(policies: Sequence[Policy], schema: str) -> list[DanganError]:
    """Everything that is wrong with the policies in the schema's eyes; one for each policy at most."""
    try:
        prepared = cedarpy.Schema.from_str(schema)
    except ValueError as error:
        return [DanganError("DG-POL-007", detail=_plain(error))]
    text = "\n".join(policy.text for policy in policies)
    if cedarpy.validate_policies(text, prepared).validation_passed:
        return []
    problems = []
    for policy in policies:
        result = cedarpy.validate_policies(policy.text, prepared)
        if not result.validation_passed:
            said = "; ".join(error.error.removeprefix("for policy `policy0`, ") for error in result.errors)
            problems.append(DanganError("DG-POL-006", field=policy.place, detail=f"{policy.id}: {said}"))
    return problems or [DanganError("DG-POL-007")]


def _policy(file: str, line: int, statement: str) -> Policy:
    place = f"{file}:{line}"
    try:
        document = json.loads(cedarpy.policies_to_json_str(statement))
    except ValueError as error:
        raise DanganError("DG-POL-001", field=place, detail=_plain(error)) from None
    if len(document["staticPolicies"]) != 1 or document["templates"]:
        raise DanganError("DG-POL-001", field=place, detail="?")
    (parsed,) = document["staticPolicies"].values()
    notes = parsed.get("annotations", {})
    name, clauses = notes.get("id") or "", [each.strip() for each in (notes.get("clause") or "").split(",")]
    if not _ID.match(name):
        raise DanganError("DG-POL-002", field=place, detail=name or None)
    if not all(map(_CLAUSE.match, clauses)):
        raise DanganError("DG-POL-002", field=place, detail=name)
    return Policy(name, tuple(clauses), parsed["effect"], file, line, statement, parsed)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement with the line it begins at; what comes after the last end is one too, and will not parse."""
    line, began = 1, 0
    parts: list[str] = []
    for match in _TOKEN.finditer(text):
        piece = match.group()
        blank = piece.isspace() or piece.startswith("//")
        if not blank and not parts:
            began = line
        if parts or not blank:
            parts.append(piece)
        line += piece.count("\n")
        if piece == ";":
            yield began, "".join(parts)
            parts = []
    if any(not part.isspace() and not part.startswith("//") for part in parts):
        yield began, "".join(parts)


def _plain(error: ValueError) -> str:
    return " ".join(str(error).split())[:300]
