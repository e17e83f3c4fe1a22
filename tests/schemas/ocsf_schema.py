"""Judges an event by the published OCSF schema (tests/vectors/ocsf-1.6.0.json): the keywords that it uses, no others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

SCHEMA: dict[str, Any] = orjson.loads((Path(__file__).parents[1] / "vectors" / "ocsf-1.6.0.json").read_bytes())
CLASSES = {
    schema["properties"]["class_uid"]["enum"][0]: schema
    for schema in SCHEMA["$defs"].values()
    if "class_uid" in schema["properties"]
}
_KNOWN = {
    "type", "enum", "x-captions", "x-sibling", "pattern", "maxLength", "minimum", "maximum", "items", "$ref",
    "properties", "required", "additionalProperties", "anyOf",
}  # fmt: skip
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "number": (int, float),
}  # fmt: skip


def faults(event: dict[str, Any]) -> list[str]:
    """What is wrong with an event, each with its place; none if OCSF takes it."""
    schema = CLASSES.get(event.get("class_uid", -1))
    return ["no such class"] if schema is None else list(_faults(event, schema, "event"))


def _faults(value: Any, schema: dict[str, Any], place: str) -> Iterator[str]:
    assert set(schema) <= _KNOWN, set(schema) - _KNOWN
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    kind = schema.get("type")
    if kind and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{place} is not {kind}"
    elif kind == "object":
        yield from _object_faults(value, schema, place)
    elif kind == "array":
        for at, item in enumerate(value):
            yield from _faults(item, schema.get("items", {}), f"{place}[{at}]")
    else:
        yield from _plain_faults(value, schema, place)


def _plain_faults(value: Any, schema: dict[str, Any], place: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place} is none of those that OCSF lists"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{place} has another form"
    if len(value) > schema["maxLength"] if "maxLength" in schema else False:
        yield f"{place} is too long"
    if "minimum" in schema and not schema["minimum"] <= value <= schema["maximum"]:
        yield f"{place} is out of range"


def _object_faults(value: dict[str, Any], schema: dict[str, Any], place: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place}.{name} is missing"
    if "anyOf" in schema and not any(one["required"][0] in value for one in schema["anyOf"]):
        yield f"{place} has none of the attributes of which it needs one"
    for name, held in value.items():
        if name in properties:
            yield from _faults(held, properties[name], f"{place}.{name}")
            yield from _sibling_faults(value, properties[name], name, place)
        elif schema.get("additionalProperties") is False:
            yield f"{place}.{name} is not known"


def _sibling_faults(value: dict[str, Any], schema: dict[str, Any], name: str, place: str) -> Iterator[str]:
    """The text beside an enumeration is its caption, but for 99, "other"."""
    sibling = schema.get("x-sibling")
    if sibling in value and value[name] != 99 and value[sibling] != schema["x-captions"].get(str(value[name])):
        yield f"{place}.{sibling} is not the caption of {name}"
