"""What happened, as an OCSF event: who did what to which record and fields, for what, with what outcome.

A :class:`Fact` holds names and references only, so an event cannot carry a personal value (audit
without content). The event is OCSF 1.6.0 JSON: *Datastore Activity* (6005) for what is done to records,
*Entity Management* (3004) for approvals, grants, keys and administration. What OCSF has no attribute for
(purpose, grant, field names, version) stands under ``unmapped.dangan``, which is always the last member, so
that the chain (streams/audit/chain.py) can close the event without parsing it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from typing import Final, Literal, NamedTuple

import orjson

from schemas.errors import TEXTS
from schemas.levels import Level

OCSF_VERSION: Final = "1.6.0"
#: How every event ends: the ``dangan`` object, ``unmapped``, the event.
CLOSING: Final = b"}}}"

Action = Literal[
    "collect", "update", "access", "query", "seal", "unseal", "destroy",
    "merge", "unmerge", "approve", "grant", "recall", "hold", "principal", "policy", "key", "sweep", "backup",
    "restore", "admin", "start", "propose", "correction", "withdraw", "use", "intake", "register", "share",
]  # fmt: skip
#: What exactly was done, where an action covers several deeds of operators.
Verb = Literal[
    "register", "renew", "reactivate", "deactivate", "bootstrap", "give", "recall", "place", "replace", "lift",
    "move", "leave", "review", "revoke",
    "rotate", "announce", "begin", "trim", "certify", "finish", "fail",
    "number", "assign", "link", "list", "count",
    "reject", "overdue", "paper", "validate", "revise", "watch", "unwatch",
    "pass", "return", "hand_over", "confirm", "object", "clear",
    "apply", "endorse", "opine", "withdraw", "give_back", "expire", "emergency", "unsigned_emergency", "contract",
    "copy", "deliver", "acknowledge", "delete",
]  # fmt: skip


class _Kind(NamedTuple):
    class_uid: int
    activity_id: int
    activity_name: str


_DATASTORE, _ENTITY = 6005, 3004
_KINDS: Final[dict[str, _Kind]] = {
    "collect": _Kind(_DATASTORE, 6, "Create"),
    "update": _Kind(_DATASTORE, 2, "Update"),
    "access": _Kind(_DATASTORE, 1, "Read"),
    "query": _Kind(_DATASTORE, 4, "Query"),
    "seal": _Kind(_DATASTORE, 9, "Encrypt"),
    "unseal": _Kind(_DATASTORE, 10, "Decrypt"),
    "destroy": _Kind(_DATASTORE, 7, "Delete"),
    "merge": _Kind(_ENTITY, 3, "Update"),
    "unmerge": _Kind(_ENTITY, 3, "Update"),
    "approve": _Kind(_ENTITY, 3, "Update"),
    "grant": _Kind(_ENTITY, 1, "Create"),
    "recall": _Kind(_ENTITY, 11, "Deactivate"),
    "hold": _Kind(_ENTITY, 3, "Update"),
    "principal": _Kind(_ENTITY, 3, "Update"),
    "policy": _Kind(_ENTITY, 3, "Update"),
    "key": _Kind(_ENTITY, 3, "Update"),
    "sweep": _Kind(_ENTITY, 4, "Delete"),
    "backup": _Kind(_ENTITY, 2, "Read"),
    "restore": _Kind(_ENTITY, 1, "Create"),
    "admin": _Kind(_ENTITY, 99, "Other"),
    "start": _Kind(_ENTITY, 1, "Create"),
    "withdraw": _Kind(_ENTITY, 11, "Deactivate"),
    "intake": _Kind(_ENTITY, 3, "Update"),
    "propose": _Kind(_ENTITY, 1, "Create"),
    "use": _Kind(_ENTITY, 3, "Update"),
    "correction": _Kind(_ENTITY, 3, "Update"),
    "register": _Kind(_ENTITY, 3, "Update"),
    "share": _Kind(_ENTITY, 3, "Update"),
}
#: Refusals because an identifier itself looks like personal data: the event leaves those identifiers out.
_IDENTIFIER_REFUSED: Final = frozenset({"DG-COL-007"})
#: The name space of event ids (RFC 9562 version 5), made once for this project.
_NAMESPACE: Final = bytes.fromhex("3b0d2f6c8a5e4d17b1c9e07f5a2246d8")


@dataclass(slots=True)  # not frozen: that costs each command 1 us
class Fact:
    """One thing that was done or refused.

    Attributes:
        command_id: the command's id; for what no command caused, an id of the run that did.
        action: what was done or asked for.
        allowed: whether it was done.
        code: the code of the refusal (a key of ``schemas.errors.TEXTS``), or None.
        actor: the principal's id, or None when the signer is unknown.
        at_ms: when, UNIX milliseconds: the time Kafka gave the command's message, so that a redelivered
            command gives the same event.
        record, subject, grant, bundle: opaque references.
        fields: names from the field catalogue. A name that is not in the catalogue must not be given.
        level: the highest level among the fields.
        purpose: a purpose from the catalogue.
        version: the record's version after the action; of a read, the version that was shown.
        approvers: the principals whose valid signatures allowed it.
        topic, partition, offset: where the command stood.
        verb: which deed of an operator it was.
        reader: the principal who is given a grant.
        clear: the names of the fields that a grant lets be read unmasked.
        roles: the roles that a principal is registered with.
        digest: SHA-256 of the document that was stored, as 64 hex digits.
        consent: the reference of the consent that was withdrawn.
        book: of a register's entry: the register and the step, for instance ``media.lend``.
        instance: the place that the sender's message says it comes from (docs/wire.md), 32 hex digits.
        count: how many messages it stands for; more than one only for messages of nobody known that cannot be
            read, whose number must not decide how long the stream becomes. ``command_id`` then names them all.
    """

    command_id: str
    action: Action
    allowed: bool
    code: str | None
    actor: str | None
    at_ms: int
    record: str | None = None
    subject: str | None = None
    fields: tuple[str, ...] = ()
    level: Level | None = None
    purpose: str | None = None
    grant: str | None = None
    bundle: str | None = None
    version: int | None = None
    approvers: tuple[str, ...] = ()
    topic: str | None = None
    partition: int = -1
    offset: int = -1
    verb: Verb | None = None
    reader: str | None = None
    clear: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    digest: str | None = None
    count: int = 1
    consent: str | None = None
    book: str | None = None
    instance: str | None = None


class KeptCheckpoint(NamedTuple):
    """A signed checkpoint over a writer's first ``size`` events, kept outside the topic with its certificate."""

    writer: str
    size: int
    text: str
    cert: str


def event_id(fact: Fact) -> str:
    """The event's id: UUID version 5 (RFC 9562) over command, actor, action, record and outcome.

    The same command with the same outcome has the same id wherever and however often it is published.
    """
    parts = (fact.command_id, fact.actor or "", fact.action, fact.record or "", fact.code or "", f"{fact.allowed:d}")
    name = "\n".join(parts)
    text = sha1(_NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def ocsf(fact: Fact, uid: str, cert: str | None = None) -> bytes:
    """The fact as one OCSF event in JSON, without its place in a chain.

    Args:
        fact: what happened.
        uid: the event's id, :func:`event_id`.
        cert: the writer's certificate, in the event that begins a chain.

    Returns:
        UTF-8 JSON without line breaks, which ends with :data:`CLOSING`.
    """
    named = fact.code not in _IDENTIFIER_REFUSED
    record = fact.record if named else None
    own: dict[str, object] = {"command": fact.command_id, "action": fact.action}
    if record is not None:
        own["record"] = record
    if named and fact.subject is not None:
        own["subject"] = fact.subject
    if fact.fields:
        own["fields"] = fact.fields
    if fact.level is not None:
        own["level"] = fact.level.value
    if fact.purpose is not None:
        own["purpose"] = fact.purpose
    if fact.grant is not None:
        own["grant"] = fact.grant
    if fact.version is not None:
        own["version"] = fact.version
    if fact.approvers:
        own["approvers"] = fact.approvers
    if fact.verb is not None or fact.consent is not None or fact.book is not None:
        own |= _deed(fact)
    if cert is not None:
        own["cert"] = cert
    event: dict[str, object] = {
        "time": fact.at_ms,
        "actor": {"user": {"uid": fact.actor} if fact.actor else {"name": "unknown", "type_id": 0}},
        "src_endpoint": _source(fact),
        "metadata": {"uid": uid, "version": OCSF_VERSION, "product": _PRODUCT, "correlation_uid": fact.bundle}
        if fact.bundle
        else {"uid": uid, "version": OCSF_VERSION, "product": _PRODUCT},
    }
    if _KINDS[fact.action].class_uid == _ENTITY:
        event["entity"] = {"uid": record or fact.grant or fact.command_id, "type": fact.action}
    if fact.count > 1:
        event["count"] = fact.count
    event["unmapped"] = {"dangan": own}
    return _constant_part(fact.action, fact.allowed, fact.code) + orjson.dumps(event)[1:]


def _deed(fact: Fact) -> dict[str, object]:
    """What only the events of operators and of withdrawals say."""
    said = {
        "verb": fact.verb,
        "reader": fact.reader,
        "clear": fact.clear,
        "roles": fact.roles,
        "digest": fact.digest,
        "book": fact.book,
        "consent": fact.consent if fact.code not in _IDENTIFIER_REFUSED else None,
    }
    return {name: value for name, value in said.items() if value}


_PRODUCT: Final = {"name": "dangan", "vendor_name": "dangan"}


def _source(fact: Fact) -> dict[str, str]:
    if fact.topic is None:
        return {"svc_name": "dangan"}
    place = f"{fact.topic}/{fact.partition}/{fact.offset}"
    if fact.instance is None:
        return {"svc_name": fact.topic, "uid": place}
    return {"svc_name": fact.topic, "uid": place, "instance_uid": fact.instance}


@lru_cache(maxsize=1024)
def _constant_part(action: Action, allowed: bool, code: str | None) -> bytes:
    """What depends on action and outcome alone, as an unclosed JSON object that ends with a comma."""
    kind = _KINDS[action]
    refused_read = action in ("access", "query", "unseal") and not allowed
    severity_id = 1 if allowed else 3 if refused_read else 2
    part: dict[str, object] = {
        "class_uid": kind.class_uid,
        "category_uid": kind.class_uid // 1000,
        "activity_id": kind.activity_id,
        "activity_name": kind.activity_name,
        "type_uid": kind.class_uid * 100 + kind.activity_id,
        "severity_id": severity_id,
        "status_id": 1 if allowed else 2,
        "status": "Success" if allowed else "Failure",
        "message": f"{action} {'allowed' if allowed else 'refused'}",
    }
    if code is not None:
        part["status_code"] = code
        if code in TEXTS:
            part["status_detail"] = TEXTS[code].sentence
    if kind.class_uid == _DATASTORE:
        part |= {"database": {"name": "dangan", "type_id": 6}, "table": {"name": "records"}}
    return orjson.dumps(part)[:-1] + b","
