"""One question to the policies, as a person writes it down: who, what, on which record, and what is expected.

Rows of ``policies/tests/*.toml`` are such cases; ``dangan policy explain`` makes one of its options.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from consumers.about import NOTHING, About
from consumers.authorize import Action
from schemas.approvals import ApprovalAction
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.principals import Principal

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,47}$")]
MAX_CASES: Final = 5000
MAX_FILE_BYTES: Final = 1024 * 1024
#: Every action that a policy can be about.
ACTIONS: Final[tuple[Action, ...]] = (*get_args(get_args(Action)[0]), *get_args(ApprovalAction))


class Who(BaseModel):
    """A principal as policies see it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "test:somebody"
    kind: Literal["person", "system"] = "person"
    roles: frozenset[Word] = frozenset()
    department: str = "retail"
    clearance: Level = Level.CORE
    active: bool = True
    scope: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)

    def principal(self) -> Principal:
        """As the rest of the archive knows it; without keys, so that it can send nothing."""
        pairs = frozenset((name, value) for name, values in self.scope.items() for value in values)
        return Principal(
            self.id, self.kind, self.roles, self.department, self.clearance, (), (), active=self.active, scope=pairs
        )


class Case(BaseModel):
    """A question, and the answer that is expected.

    ``record`` names attributes of consumers/about.py; without it, the question is whether ``who`` may act at all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(min_length=3, max_length=120)]
    clause: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}-\d{2}$")]
    who: Who
    action: str
    level: Level = Level.BASIC
    purpose: str = "account_service"
    record: Mapping[str, str | bool] | None = None
    expect: Literal["allow", "deny"]

    @field_validator("action")
    @classmethod
    def _is_known(cls, action: str) -> str:
        if action not in ACTIONS:
            raise ValueError(f"expected one of {', '.join(ACTIONS)}")
        return action

    @field_validator("record")
    @classmethod
    def _is_a_record(cls, record: Mapping[str, str | bool] | None) -> Mapping[str, str | bool] | None:
        record_of(record)
        return record

    @property
    def about(self) -> About:
        """The record's attributes."""
        return record_of(self.record)


def record_of(attributes: Mapping[str, str | bool] | None) -> About:
    """The attributes of a record that is described by some of them.

    Raises:
        ValueError: naming an attribute that records do not have, or whose value is none of its kind.
    """
    if attributes is None:
        return NOTHING
    for name, value in attributes.items():
        if name not in About._fields or name == "known":
            raise ValueError(f"{name}: expected some of {', '.join(About._fields[1:])}")
        if isinstance(value, bool) != isinstance(About._field_defaults[name], bool):
            raise ValueError(f"{name}: {value}")
    return About(**{"stage": "archived", **attributes, "known": True})  # type: ignore[arg-type]  # looked at above


def load_cases(folder: Path) -> list[Case]:
    """The rows of every table of a folder.

    Raises:
        DanganError: DG-POL-010 naming file, row and what is wrong with it.
    """
    found: list[Case] = []
    for file in sorted(folder.glob("*.toml")):
        if file.stat().st_size > MAX_FILE_BYTES:
            raise DanganError("DG-POL-010", field=file.name, detail=str(file.stat().st_size))
        try:
            document = tomllib.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DanganError("DG-POL-010", field=file.name, detail=str(error)) from None
        if set(document) - {"case", "who"}:
            raise DanganError("DG-POL-010", field=file.name, detail=", ".join(sorted(set(document) - {"case", "who"})))
        people = document.get("who", {})
        found += [_case(file.name, number, row, people) for number, row in enumerate(document.get("case", []), 1)]
    if not 0 < len(found) <= MAX_CASES:
        raise DanganError("DG-POL-010", field=folder.name, detail=str(len(found)))
    return found


def _case(file: str, number: int, row: Mapping[str, Any], people: Mapping[str, Any]) -> Case:
    who = row.get("who")
    try:
        return Case.model_validate({**row, "who": people[who] if isinstance(who, str) else who})
    except KeyError:
        raise DanganError("DG-POL-010", field=f"{file} {number}", detail=str(who)) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DanganError("DG-POL-010", field=f"{file} {number}", detail=f"{place}: {first['msg']}") from None
