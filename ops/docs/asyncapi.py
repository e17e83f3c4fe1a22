"""docs/asyncapi.yaml: the topics and messages as an AsyncAPI 3 document, generated from ``schemas/``.

``python -m ops.docs.asyncapi docs/asyncapi.yaml`` writes it. The document describes the archive: it *receives*
commands, and *sends* replies, dead letters, key announcements and audit events.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from schemas import topics, wire
from schemas.commands import Bundle
from schemas.replies import Replies
from schemas.wire import Family

_REF: Final = "#/components/schemas/{model}"
_RECORD_KEY: Final = {"type": "string", "description": "A record's id, an opaque reference. No personal data."}
_SENDS: Final = {
    "Collect": "New records about data subjects.",
    "Update": "Changes of records, from a version that was seen.",
    "Access": "Reads of named fields under a grant.",
    "Destroy": "Destruction of records, with its approvals.",
    "Approve": "Decisions about records, with the signatures they take.",
}


def document() -> dict[str, Any]:
    """The AsyncAPI document."""
    messages = {f"{family}Bundle": _bundle(family) for family in wire.FAMILIES} | _answers()
    inputs: dict[str, tuple[str, str]] = {
        family: (wire.topic_of(family), f"{family}Bundle") for family in wire.FAMILIES
    }
    outputs = {
        "replies": (wire.TOPIC_REPLIES, "reply"),
        "deadLetters": (wire.TOPIC_DEAD_LETTERS, "deadLetter"),
        "keys": (wire.TOPIC_KEYS, "ingestKey"),
        "audit": (wire.TOPIC_AUDIT, "auditEvent"),
        "alerts": (wire.TOPIC_ALERTS, "alert"),
    }
    channels = inputs | outputs
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "dangan",
            "version": "1.0.0",
            "description": "Customer archives over Kafka. How values are sealed and opened: docs/wire.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": wire.CONTENT_TYPE,
        "channels": {name: _channel(*parts) for name, parts in channels.items()},
        "operations": {
            **{f"receive{name.capitalize()}": _operation("receive", name) for name in inputs},
            **{f"send{name[0].upper()}{name[1:]}": _operation("send", name) for name in outputs},
        },
        "components": {"messages": messages, "schemas": _schemas()},
    }


def _channel(topic: str, message: str) -> dict[str, Any]:
    spec = next(spec for spec in topics.topic_specs() if spec.name == topic)
    settings = {"cleanup.policy": [spec.cleanup_policy], "retention.ms": spec.retention_ms}
    return {
        "address": topic,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {"kafka": {"topicConfiguration": settings}},
    }


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def _bundle(family: Family) -> dict[str, Any]:
    name = family.capitalize()
    types = ", ".join(kind for kind, of in wire.FAMILY_OF.items() if of == family)
    return {
        "name": wire.type_of(family),
        "title": f"{name} bundle",
        "summary": f"{_SENDS[name]} Sealed by the sender; 1 to 256 commands of type {types}.",
        "contentType": wire.CONTENT_TYPE,
        "headers": _bundle_headers(family),
        "payload": {"$ref": "#/components/schemas/SealedBundle"},
        "bindings": {"kafka": {"key": _RECORD_KEY}},
    }


def _answers() -> dict[str, Any]:
    reply_headers = {
        wire.HEADER_TYPE: {"const": wire.REPLY_TYPE},
        wire.HEADER_SOURCE: {"const": wire.ARCHIVE_SOURCE},
        wire.HEADER_SUBJECT: {**_principal(), "description": "The principal whose bundle is answered."},
    }
    letter_headers = {
        wire.HEADER_CODE: {"type": "string", "pattern": "^DG-WIR-[0-9]{3}$", "description": "Why it cannot be read."},
        wire.HEADER_PLACE: {"type": "string", "description": "topic/partition/offset of the message."},
    }
    digest_headers = {
        wire.HEADER_SIZE: {"type": "string", "pattern": "^[0-9]+$", "description": "Bytes of a value not kept."},
        wire.HEADER_SHA256: {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256 of such a value."},
    }
    return {
        "reply": {
            "name": wire.REPLY_TYPE,
            "title": "Reply",
            "summary": "Results of one bundle's commands, or of some of them; sealed to the sender.",
            "contentType": wire.CONTENT_TYPE,
            "headers": _headers(reply_headers),
            "payload": {"$ref": "#/components/schemas/SealedReply"},
        },
        "deadLetter": {
            "title": "Dead letter",
            "summary": "A message that cannot be read: its value if it is sealed, its headers if well-formed.",
            "headers": {
                "type": "object",
                "properties": letter_headers | digest_headers,
                "required": list(letter_headers),
            },
            "payload": {"type": "string", "description": "A sealed value as it came; empty if it was not sealed."},
        },
        "ingestKey": {
            "title": "Ingest key",
            "summary": "The archive's newest word on one ingest key. Compacted; the message key is the key's id.",
            "payload": {"$ref": "#/components/schemas/SignedAnnouncement"},
            "bindings": {"kafka": {"key": {"type": "string", "pattern": f"^{wire.KID.pattern}$"}}},
        },
        "auditEvent": {
            "title": "Audit event",
            "summary": "An OCSF 1.6 event, or a checkpoint over the events before it: docs/audit.md.",
            "contentType": "application/json",
            "headers": _headers(
                {wire.HEADER_TYPE: {"enum": ["archive.audit.event.v1", "archive.audit.checkpoint.v1"]}},
                content_type="application/json",
                timed=False,
            ),
            "payload": {"type": "object"},
        },
        "alert": {
            "title": "Alert",
            "summary": "An OCSF 1.6 Detection Finding, with one id however often it is found: docs/detections.md.",
            "contentType": "application/json",
            "headers": _headers(
                {wire.HEADER_TYPE: {"const": "archive.alert.v1"}}, content_type="application/json", timed=False
            ),
            "payload": {"type": "object"},
        },
    }


def _headers(own: dict[str, Any], *, content_type: str = wire.CONTENT_TYPE, timed: bool = True) -> dict[str, Any]:
    properties: dict[str, Any] = {
        wire.HEADER_CONTENT_TYPE: {"const": content_type},
        wire.HEADER_SPECVERSION: {"const": wire.SPECVERSION},
        wire.HEADER_ID: {"type": "string", "pattern": f"^{wire.UUID.pattern}$"},
        **own,
    }
    if timed:
        properties[wire.HEADER_TIME] = {"type": "string", "format": "date-time"}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _bundle_headers(family: Family) -> dict[str, Any]:
    headers = _headers({wire.HEADER_TYPE: {"const": wire.type_of(family)}, wire.HEADER_SOURCE: _principal()})
    headers["properties"][wire.HEADER_INSTANCE] = {"type": "string", "pattern": f"^{wire.INSTANCE.pattern}$"}
    return headers


def _principal() -> dict[str, Any]:
    return {"type": "string", "pattern": f"^{wire.PRINCIPAL.pattern}$"}


def _schemas() -> dict[str, Any]:
    adapters = [("Bundle", "validation", TypeAdapter(Bundle)), ("Replies", "validation", TypeAdapter(Replies))]
    _, generated = TypeAdapter.json_schemas(adapters, ref_template=_REF)  # type: ignore[arg-type]
    times = {name: {"type": "integer", "description": "UNIX seconds."} for name in ("seal_until", "announced_at")}
    announcement = {
        "kid": {"type": "string", "pattern": f"^{wire.KID.pattern}$"},
        "x": {"type": "string", "description": "The X25519 public key, 32 bytes, base64url."},
        "state": {"enum": ["active", "retiring", "destroyed"]},
        **times,
    }
    return {
        "SealedBundle": _sealed(wire.TYP_BUNDLE_JWE, wire.TYP_BUNDLE_JWS, "Bundle", wire.WireLimits().max_value),
        "SealedReply": _sealed(wire.TYP_REPLY_JWE, wire.TYP_REPLY_JWS, "Replies", topics.MAX_MESSAGE_BYTES),
        "SignedAnnouncement": {
            "type": "string",
            "contentMediaType": wire.CONTENT_TYPE,
            "description": f"Compact JWS ({wire.TYP_ANNOUNCEMENT}) over an Announcement.",
            "x-payload": {"$ref": _REF.format(model="Announcement")},
        },
        "Announcement": {"type": "object", "properties": announcement, "required": list(announcement)},
        **generated["$defs"],
    }


def _sealed(outer: str, inner: str, model: str, most: int) -> dict[str, Any]:
    return {
        "type": "string",
        "maxLength": most,
        "contentMediaType": wire.CONTENT_TYPE,
        "description": f"Compact JWE ({outer}) of a compact JWS ({inner}) over the JSON of a {model}.",
        "x-payload": {"$ref": _REF.format(model=model)},
    }


def text() -> str:
    """The document as YAML."""
    import yaml  # noqa: PLC0415 - needed for writing documentation only, not by an installation

    dumper = type("Plain", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})
    body = yaml.dump(document(), Dumper=dumper, sort_keys=False, allow_unicode=True, width=110)
    return f"# Generated by: python -m ops.docs.asyncapi docs/asyncapi.yaml\n{body}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
