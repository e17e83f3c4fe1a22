"""Detection rules as data: one YAML file each, a small closed set of conditions, every number bounded.

The shape is that of Sigma: what to look at (``select``), when to tell (``condition``), how bad it is (``severity``). A
file is checked as a whole when it is loaded; an error names the file and the key. There are no expressions and no
code: whoever may edit a rule can neither run anything nor make the detector need more than bounded memory.
"""

from __future__ import annotations

import re
from datetime import time
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from ops.detect.seen import Attribute, Seen
from schemas.audit import Action, Verb
from schemas.errors import DanganError

_MAX_FILE: Final = 64 * 1024
_MAX_RULES: Final = 200
_MAX_DEPTH: Final = 16
_OPENING: Final = (
    yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken, yaml.BlockSequenceStartToken, yaml.BlockMappingStartToken
)  # fmt: skip
_CLOSING: Final = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
_SPAN: Final = re.compile(r"(\d{1,6})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_S: Final = 31 * 86400

Severity = Literal["low", "medium", "high", "critical"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=128)]


def _span(value: object) -> int:
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 1 <= seconds <= _LONGEST_S:
        raise ValueError("give 1s to 31d, for instance 90m or 12h")
    return seconds * 1000


#: A span of time, written ``90m``, ``12h`` or ``7d``; milliseconds.
Span = Annotated[int, BeforeValidator(_span)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Select(_Table):
    """Which events a rule looks at: all that is given must hold, of each list one entry."""

    action: tuple[Action, ...] = ()
    verb: tuple[Verb, ...] = ()
    outcome: Literal["allowed", "refused"] | None = None
    level: tuple[Word, ...] = ()
    purpose: tuple[Word, ...] = ()
    code: tuple[Word, ...] = ()
    #: actors are principals' ids; what ends with ``*`` is the beginning of one.
    actor: tuple[Word, ...] = ()
    except_actor: tuple[Word, ...] = ()

    def __call__(self, event: Seen) -> bool:
        """Whether the event is one of them."""
        return (
            (not self.action or event.action in self.action)
            and (self.outcome is None or event.allowed is (self.outcome == "allowed"))
            and (not self.verb or event.verb in self.verb)
            and (not self.level or event.level in self.level)
            and (not self.purpose or event.purpose in self.purpose)
            and (not self.code or event.code in self.code)
            and (not self.actor or _named(event.actor, self.actor))
            and not (self.except_actor and _named(event.actor, self.except_actor))
        )


def _named(actor: str, names: tuple[str, ...]) -> bool:
    return any(actor.startswith(name[:-1]) if name.endswith("*") else actor == name for name in names)


class Volume(_Table):
    """More than so many events, or different values of ``distinct``, of one ``by`` within a time."""

    kind: Literal["volume"]
    by: Attribute = "actor"
    distinct: Attribute | None = None
    more_than: Annotated[int, Field(ge=1, le=10_000)]
    within: Span


class OffHours(_Table):
    """An event outside working hours: ``from`` to ``to`` of the ``days``, by the clock of ``zone``."""

    kind: Literal["off_hours"]
    by: Attribute = "actor"
    begin: Annotated[time, Field(alias="from")]
    end: Annotated[time, Field(alias="to")]
    days: tuple[Weekday, ...] | Literal["CN"] = "CN"
    zone: str = "Asia/Shanghai"

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no such time zone") from None
        return zone


class Sequence(_Table):
    """At least so many selected events of one ``by``, then one of ``then`` whose ``then_by`` is the same."""

    kind: Literal["sequence"]
    by: Attribute = "actor"
    at_least: Annotated[int, Field(ge=1, le=1000)]
    within: Span
    then: Select
    then_by: Attribute = "actor"


class Listed(_Table):
    """An event whose ``of`` is listed: a decoy record. What ends with ``*`` is the beginning of one."""

    kind: Literal["listed"]
    by: Attribute = "actor"
    of: Attribute = "record"
    values: tuple[Word, ...] = Field(max_length=10_000)


class Absent(_Table):
    """A selected event that so many events of ``then`` with the same ``by`` do not follow within a time.

    One event of ``closed`` ends the waiting as well.
    """

    kind: Literal["absent"]
    by: Attribute = "actor"
    within: Span
    then: Select
    at_least: Annotated[int, Field(ge=1, le=100)] = 1
    closed: Select | None = None


class Unreturned(_Table):
    """Selected events under a ``by`` (a grant) that ended, and no event of ``returned`` came within a time.

    Where no event of ``ended`` is seen, it counts as ended ``at_most`` after the last selected event.
    """

    kind: Literal["unreturned"]
    by: Attribute = "grant"
    ended: Select
    returned: Select
    within: Span
    at_most: Span


class OutsideRun(_Table):
    """An event while no run is open: ``opened`` begins one, ``closed`` ends it, as does ``at_most`` of time."""

    kind: Literal["outside_run"]
    by: Attribute = "actor"
    opened: Select
    closed: Select
    at_most: Span


class Unusual(_Table):
    """A value of ``of`` that this ``by`` has not had in ``within``, after at least ``learned`` events of his."""

    kind: Literal["unusual"]
    by: Attribute = "actor"
    of: Attribute
    learned: Annotated[int, Field(ge=1, le=10_000)]
    within: Span


Condition = Annotated[
    Volume | OffHours | Sequence | Listed | Absent | Unreturned | OutsideRun | Unusual, Field(discriminator="kind")
]


class Rule(_Table):
    """One detection."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{2,63}$")]
    title: Text
    description: Text
    severity: Severity
    clauses: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}-\d{2}$")], ...] = ()
    #: what may look like it and is none: for whoever reads the alert.
    false_positives: tuple[Text, ...] = ()
    enabled: bool = True
    select: Select
    condition: Condition
    #: at most one alert of one ``by`` in such a span of the clock.
    once_per: Span = 86_400_000


def load_detections(folder: Path | None = None) -> tuple[Rule, ...]:
    """Read every ``*.yaml`` of a folder, those switched off left out.

    Args:
        folder: the organisation's; by default ``policies/detections`` as it comes with dangan.

    Raises:
        DanganError: DG-DET-001 naming the file and the key that is wrong.
    """
    root = folder or Path(str(files("policies"))) / "detections"
    paths = sorted(root.glob("*.yaml"))
    if not paths or len(paths) > _MAX_RULES:
        raise DanganError("DG-DET-001", field=str(root), detail=f"{len(paths)} rules; 1 to {_MAX_RULES} are read")
    rules = [read_rule(path) for path in paths]
    names = [rule.id for rule in rules]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise DanganError("DG-DET-001", field="id", detail=f"two rules are called {twice}")
    return tuple(rule for rule in rules if rule.enabled)


def read_rule(path: Path) -> Rule:
    """Read one rule.

    Raises:
        DanganError: DG-DET-001 naming the file and the key that is wrong.
    """
    try:
        if path.stat().st_size > _MAX_FILE:
            raise DanganError("DG-DET-001", field=path.name, detail="longer than 64 KiB")
        return Rule.model_validate(_plain(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DanganError("DG-DET-001", field=f"{path.name}: {key}", detail=first["msg"]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DanganError("DG-DET-001", field=f"{path.name}: line {line}", detail="not YAML") from None
    except (yaml.YAMLError, RecursionError):
        raise DanganError("DG-DET-001", field=path.name, detail="not YAML") from None
    except (OSError, ValueError) as error:
        raise DanganError("DG-DET-001", field=path.name, detail=str(error)) from None


def _plain(text: str) -> Any:
    """What YAML text says, without what a few bytes of it could do.

    A few lines of references could stand for gigabytes, and the scanner's time is the square of the depth.

    Raises:
        ValueError: for references, and for more than :data:`_MAX_DEPTH` levels.
        yaml.YAMLError: when it is no YAML.
    """
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            raise ValueError("references (&, *) are not read")  # noqa: TRY004 - a value, not a type of ours
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deep")
    return yaml.safe_load(text)


KINDS: Final = tuple(get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(Condition)[0]))
