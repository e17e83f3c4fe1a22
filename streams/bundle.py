"""From a verified payload to typed commands: bounded work, no ambiguity, no values in errors.

JSON leaves three things open that would let two readers see two different bundles: members given twice,
numbers beyond 53 bits, and nesting without end (RFC 8259, RFC 7493). All three are refused. A payload that
is byte for byte what orjson writes cannot hold a member twice, so only others pay for the exact check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from schemas.commands import Bundle, Command
from schemas.errors import DanganError, UnreadableMessage
from schemas.members import MAX_COMMANDS, MAX_FIELDS
from schemas.wire import FAMILY_OF, Family

_BUNDLE: Final = TypeAdapter(Bundle)
#: No command, and nothing in one but what stands in the next line, has more members or items than this.
_MAX_MEMBERS: Final = 16
_CONTAINERS: Final = (dict, list)  # all that a JSON reader makes
_LONGEST: Final = {"fields": MAX_FIELDS, "records": MAX_COMMANDS, "intake": 24}
_COMMAND: Final[TypeAdapter[Command]] = TypeAdapter(Command)


def parse_bundle(payload: bytes, family: Family) -> Bundle:
    """The commands of a payload whose signature holds.

    Args:
        payload: UTF-8 JSON, ``{"commands": [...]}``.
        family: the only kind of command that may stand in it.

    Raises:
        UnreadableMessage: DG-WIR-010 (JSON), 012 (count), 014 (another family), 011 (schema). The detail
            names a place and a kind of error, never a value. Never anything else, whatever the bytes.
    """
    commands = _commands(_loads(payload))
    if not 1 <= len(commands) <= MAX_COMMANDS:
        raise UnreadableMessage("DG-WIR-012", detail=f"{len(commands)} commands")
    _check_family(commands, family)
    return Bundle.model_construct(commands=tuple([_checked(command, at) for at, command in enumerate(commands)]))


def check_command(command: Mapping[str, Any]) -> None:
    """Check one command before it is handed to Kafka, by the rules the archive will apply.

    Raises:
        DanganError: DG-WIR-011, with a place and a kind of error, never a value.
    """
    try:
        _COMMAND.validate_python(command)
    except ValidationError as error:
        raise DanganError("DG-WIR-011", detail=_first_fault(error)) from None


def _loads(payload: bytes) -> Any:
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise UnreadableMessage("DG-WIR-010") from None
    try:
        canonical = orjson.dumps(document, option=orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError as error:
        too_deep = "ecursion" in str(error)
        code = "DG-WIR-010" if too_deep else "DG-WIR-011"
        raise UnreadableMessage(code, detail="nesting" if too_deep else "integer beyond 53 bits") from None
    if canonical != payload:
        _check_tokens(payload)
    return document


def _check_tokens(payload: bytes) -> None:
    """What orjson passes over: members given twice, and integers it turned into floats."""
    try:
        json.loads(payload, object_pairs_hook=_unique, parse_int=_short)
    except _Ambiguous as error:
        raise UnreadableMessage(error.code, detail=str(error)) from None
    except (ValueError, RecursionError):
        raise UnreadableMessage("DG-WIR-010") from None


class _Ambiguous(ValueError):
    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code = code


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Ambiguous("DG-WIR-010", "a member is given twice")
    return members


def _short(digits: str) -> int:
    if len(digits) > 17:  # a sign and 16 digits; orjson has checked the 53 bits of those
        raise _Ambiguous("DG-WIR-011", "integer beyond 53 bits")
    return 0


def _commands(document: Any) -> list[Any]:
    """The list of a payload's commands, unchecked."""
    if not isinstance(document, dict):
        fault = "bundle: model_type"
    elif not isinstance(document.get("commands"), list):
        fault = "commands: tuple_type" if "commands" in document else "commands: missing"
    elif len(document) > 1:
        fault = "*: extra_forbidden"
    else:
        return list(document["commands"])
    raise UnreadableMessage("DG-WIR-011", detail=fault)


def _checked(command: Any, at: int) -> Command:
    """One command by the schema; the first that breaks it ends the bundle.

    pydantic tells every fault that it finds before it stops: 50,000 members in one command held up the worker for
    seconds. So lengths come first, and one command is checked at a time.
    """
    if isinstance(command, dict):
        if len(command) > _MAX_MEMBERS:
            raise UnreadableMessage("DG-WIR-011", detail=f"commands.{at}: too_long")
        for name, part in command.items():
            if type(part) in _CONTAINERS and len(part) > _LONGEST.get(name, _MAX_MEMBERS):
                raise UnreadableMessage("DG-WIR-011", detail=f"commands.{at}.{_public(name)}: too_long")
    try:
        return _COMMAND.validate_python(command)
    except ValidationError as error:
        raise UnreadableMessage("DG-WIR-011", detail=f"commands.{at}.{_first_fault(error)}") from None


def _check_family(commands: list[Any], family: Family) -> None:
    for at, command in enumerate(commands):
        kind = command.get("type") if isinstance(command, dict) else None
        if isinstance(kind, str) and FAMILY_OF.get(kind, family) != family:
            raise UnreadableMessage("DG-WIR-014", field="type", detail=f"commands.{at}")


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(_public(part) for part in fault["loc"])
    return f"{place or 'command'}: {fault['type']}"


def _public(part: int | str) -> str:
    if isinstance(part, int):
        return str(part)
    return part if part in _schema_words() else "*"


@cache
def _schema_words() -> frozenset[str]:
    """Words of the schema itself; any other part of an error's place came from the sender."""
    schema = _BUNDLE.json_schema()
    members = (model.get("properties", {}) for model in (schema, *schema["$defs"].values()))
    return frozenset((*FAMILY_OF, *(name for properties in members for name in properties)))
