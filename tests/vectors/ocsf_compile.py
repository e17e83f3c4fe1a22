"""Makes ``ocsf-1.6.0.json`` out of the published schema: ``python -m tests.vectors.ocsf_compile CHECKOUT``.

CHECKOUT is github.com/ocsf/ocsf-schema at its tag 1.6.0 (Apache-2.0). The classes that dangan writes become JSON
Schema (draft 2020-12) as OCSF defines them: inheritance resolved, types of the dictionary with their patterns and
ranges, enumerations, required attributes, at-least-one constraints, and nothing that the class does not know. What
OCSF adds by profiles is left out, because no event of dangan declares one. Objects that no event of dangan holds are
not described further than that they are objects.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
CLASSES: Final = {
    "datastore_activity": "events/application/datastore_activity.json",
    "entity_management": "events/iam/entity_management.json",
    "detection_finding": "events/findings/detection_finding.json",
}
PARENTS: Final = {
    "base_event": "events/base_event.json",
    "application": "events/application/application.json",
    "iam": "events/iam/iam.json",
    "finding": "events/findings/finding.json",
}
OBJECTS: Final = (
    "actor", "user", "metadata", "product", "network_endpoint", "database", "table", "managed_entity",
    "finding_info", "analytic", "related_event", "evidences", "resource_details",
)  # fmt: skip
BASES: Final = {"string_t": "string", "integer_t": "integer", "long_t": "integer", "boolean_t": "boolean",
                "float_t": "number"}  # fmt: skip


class Checkout:
    """The published definitions."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.dictionary = self.read("dictionary.json")
        self.types: dict[str, Any] = self.dictionary["types"]["attributes"]

    def read(self, name: str) -> Any:
        return json.loads((self.root / name).read_text("utf-8"))

    def definition(self, name: str) -> dict[str, Any]:
        """A class or object with what it inherits; the heir's words win."""
        path = CLASSES.get(name) or PARENTS.get(name) or f"objects/{name}.json"
        own = self.read(path)
        parent = self.definition(own["extends"]) if "extends" in own else {"attributes": {}}
        attributes = {key: dict(value) for key, value in parent["attributes"].items()}
        for key, value in own["attributes"].items():
            if key == "$include" or value.get("profile"):
                continue
            enum = {**attributes.get(key, {}).get("enum", {}), **value.get("enum", {})}
            attributes[key] = {**attributes.get(key, {}), **value, **({"enum": enum} if enum else {})}
        return {**parent, **own, "attributes": attributes}

    def attribute(self, name: str, said: dict[str, Any]) -> dict[str, Any]:
        """The schema of one attribute, as the class or object says it over the dictionary."""
        known = self.dictionary["attributes"][name]
        schema = self.type(said.get("type", known["type"]))
        if enum := {**known.get("enum", {}), **said.get("enum", {})}:
            whole = schema.get("type") == "integer"
            schema = {
                "type": schema["type"],
                "enum": sorted(int(key) if whole else key for key in enum),
                "x-captions": {key: value["caption"] for key, value in enum.items()},
            }
            if sibling := said.get("sibling", known.get("sibling")):
                schema["x-sibling"] = sibling
        return {"type": "array", "items": schema} if known.get("is_array") else schema

    def type(self, name: str) -> dict[str, Any]:
        if name in ("json_t", "object"):
            return {} if name == "json_t" else {"type": "object"}
        if name not in self.types:
            return {"$ref": f"#/$defs/{name}"} if name in OBJECTS else {"type": "object"}
        said = self.types[name]
        schema: dict[str, Any] = {"type": BASES[said.get("type", name)]}
        if "regex" in said:
            schema["pattern"] = said["regex"]
        if "max_len" in said:
            schema["maxLength"] = said["max_len"]
        if "range" in said:
            schema["minimum"], schema["maximum"] = said["range"]
        return schema

    def schema(self, name: str) -> dict[str, Any]:
        definition = self.definition(name)
        attributes = definition["attributes"]
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {key: self.attribute(key, value) for key, value in sorted(attributes.items())},
            "required": sorted(key for key, value in attributes.items() if value.get("requirement") == "required"),
            "additionalProperties": name == "object",
        }
        if some := definition.get("constraints", {}).get("at_least_one"):
            schema["anyOf"] = [{"required": [key]} for key in some]
        return schema


def compiled(root: Path) -> dict[str, Any]:
    """The whole file."""
    checkout = Checkout(root)
    categories = checkout.read("categories.json")["attributes"]
    schemas = {name: checkout.schema(name) for name in (*OBJECTS, *CLASSES)}
    for name in CLASSES:
        definition = checkout.definition(name)
        category = categories[definition["category"]]["uid"]
        uid = category * 1000 + definition["uid"]
        properties = schemas[name]["properties"]
        properties["category_uid"] = {"type": "integer", "enum": [category]}
        properties["class_uid"] = {"type": "integer", "enum": [uid]}
        activities = properties["activity_id"]["enum"]
        properties["type_uid"] = {"type": "integer", "enum": [uid * 100 + activity for activity in activities]}
    return {
        "$comment": "Compiled by tests/vectors/ocsf_compile.py from github.com/ocsf/ocsf-schema, tag 1.6.0; Apache-2.0.",
        "version": checkout.read("version.json")["version"],
        "$defs": schemas,
    }


if __name__ == "__main__":
    text = json.dumps(compiled(Path(sys.argv[1])), indent=1, sort_keys=True, ensure_ascii=False)
    (HERE / "ocsf-1.6.0.json").write_text(text + "\n", encoding="utf-8")
