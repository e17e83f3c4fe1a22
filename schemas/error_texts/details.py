"""What may stand in brackets behind an error's sentence: as the code writes it, and under which name it is translated.

As with gettext, the English words are what a translation is looked up by; so code writes plain English, and what the
archive answered can still be told in another language where it is read. ``{name}`` stands for anything, ``{name:d}``
for a number. What is not listed is told as it stands: names, places, codes, and what libraries and servers say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from string import Formatter
from typing import Final

DETAILS: Final[dict[str, str]] = {
    # commands and field values
    "did-you-mean": "did you mean {name}?",
    "expected-text": "expected a text that is not empty",
    "expected-resident-id": "expected a resident identity number of 18 characters with a correct check digit",
    "expected-phone": "expected a telephone number, with the country code unless it is a mainland number",
    "expected-email": "expected an e-mail address",
    "expected-card": "expected an account or card number with a correct check digit",
    "expected-date": "expected a date as YYYY-MM-DD",
    "expected-amount": "expected a decimal number",
    "expected-integer": "expected a whole number",
    "expected-choice": "expected one of {choices}",
    "current-version": "current version {version:d}",
    "so-many-of": "{found:d} of {needed}",
    "action": "action",
    "time": "time",
    "unknown-key-or-kind": "unknown key or kind",
    "signer-or-key": "signer or key",
    "signature-or-contents": "signature or contents",
    "not-a-request": "not a request",
    "more-than-64": "longer than 64 characters",
    "record-changing": "the record kept changing",
    "series-changing": "the series kept changing",
    "record-not-readable": "a record is not readable yet",
    "code-not-readable": "a code is not readable yet",
    "no-majority": "not acknowledged by a majority",
    "archive-not-readable": "an archive is not readable yet",
    "proposal-changing": "the proposal kept changing",
    "application-changing": "the application kept changing",
    "return-changing": "the return kept changing",
    "use-expired": "expired",
    # lawful collection, attachments
    "expected-credit-code": "expected a unified social credit code of 18 characters with a correct check digit",
    "expected-moment": "expected a date and time with offset (RFC 3339)",
    "other-purposes": "made for other purposes",
    "not-the-kind": "not the form's kind",
    "not-the-period": "not the period of the notice",
    "silent-about": "silent about {names}",
    "after-collection": "after the collection",
    "before-notice": "before the notice",
    "no-such-time": "no such time",
    "in-the-future": "in the future",
    "signature-does-not-count": "not registered, or its signature does not count",
    "part-size": "part {part:d} of {parts:d}, {size:d} bytes",
    "not-base64": "not base64",
    "given-by-collector": "given by who collects",
    "given-for-another": "given for another purpose or form",
    "not-valid-now": "not valid at this time",
    "does-not-cover": "does not cover {names}",
    "not-reviewed": "not reviewed",
    "no-check": "no check",
    "original-not-seen": "the original was not seen",
    "card-online-too": "an identity card is checked online too",
    "document-expired": "the document had expired",
    "time-of-check": "the time of the check",
    "unreadable": "unreadable",
    "at-version": "{record} is at version {version:d}",
    "has-changed": "{record} has changed",
    "so-many-parts": "{count:d} parts",
    "check-of-one": "a check is of one record",
    "other-records": "the catalogue lists other records",
    "named-twice": "a record is named twice",
    "consent-not-readable": "a consent is not readable yet",
    "records-moving": "the records kept moving",
    # the sealed message and the publisher
    "so-many-bytes": "{size:d} bytes",
    "bytes-at-most": "{size:d} bytes, at most {most:d}",
    "one-command-of": "one command of {size:d} bytes",
    "so-many-commands": "{count:d} commands",
    "nesting": "nesting",
    "integer": "integer beyond 53 bits",
    "given-twice": "a member is given twice",
    "not-json": "not JSON",
    "header": "header",
    "header-members": "header members",
    "too-many-headers": "too many headers",
    "bad-header": "repeated, empty, long or not ASCII",
    "not-the-bundle-id": "not the signed bundle id",
    "not-the-principal": "not the signer's principal",
    "whole-bundle": "the archive's answer to the whole bundle",
    "flush": "flush after {seconds} s",
    "answers-not-read": "answers are not read",
    "content": "content",
    "writer-certificate": "writer certificate",
    "no-topic": "{topic} does not exist",
    "there-is-no-topic": "there is no topic {topic}",
    "too-many-events": "too many events are waiting",
    "reference-form": "3 to 64 of A-Z a-z 0-9 . _ : -",
    "not-a-key-file": "not a key file of version 1",
    "parts-differ": "public and private part differ",
    "sealed-file": "the file is sealed",
    "wrong-passphrase": "wrong, or the file was altered",
    "no-trust-file": "there is no trust file",
    # files to publish
    "known": "known: {endings}",
    "no-rows": "there are no rows",
    "no-encoding": "neither UTF-8 nor GB 18030",
    "no-column-names": "row 1 holds no column names",
    "column-nameless": "column {number:d} has no name",
    "column-twice": "the column is there twice",
    "row": "row {number:d}",
    "row-ragged": "row {number:d} has {cells:d} cells, the header {columns:d}",
    "row-quoting": "row {number:d} is not well quoted, or a cell is too long",
    "row-not-object": "row {number:d} is not a JSON object of plain values with distinct names",
    "no-such-column": "the file has no such column",
    "no-such-column-but": "the file has no such column; did you mean {name}?",
    "two-columns": "two columns give this field",
    "no-column": "no column is a field",
    "another-file": "it is another kind of file",
    "give-column": 'give {{ column = "..." }}, and utc_offset for a time',
    "must-be-table": "must be a table",
    "must-be-offset": "utc_offset must be like +08:00",
    "not-known": "not known",
    # keys, sweeps, certificates, backups
    "ingest-key-refused": "an ingest key that lives is refused",
    "rotated-over": "a root is rotated over and over",
    "records-left": "{count:d} records are not forgotten yet",
    "approvals": "approvals: {code}",
    "record-approvals": "{record}: approvals: {code}",
    "not-ordered": "{record}: not among the ordered",
    "no-roots": "{record}: no roots",
    "no-tombstone": "{record}: no tombstone",
    "slot-held": "{record}: a live page holds its slot",
    "never-made": "an old key that Vault never made",
    "too-long": "too long",
    "not-a-snapshot": "not a key-page snapshot",
    "count": "count",
    "digest": "digest",
    "cut-short": "cut short",
    "file-cut-short": "a file is cut short",
    "key-body": "a key's body",
    "key-number": "key {number:d}",
    "copy-differs": "a copy reads back differently",
    "copy-refused": "Vault refuses a key in the copies",
    "copy-changed": "a copy has changed since it was checked",
    "lease-left": "{root}, {seconds:d} s left",
    "token-file": "the token file cannot be read",
    "status": "{op}: status {status:d}",
    "status-not-json": "{op}: status {status:d}, not JSON",
    "status-not-object": "{op}: status {status:d}, not an object",
    "incomplete-batch": "{op}: incomplete batch",
    "other-version": "hmac: another version answered",
    "no-public-key": "{key} has no such public key",
    # operations
    "others-may-read": "others may read it: chmod 600",
    "readable-by-others": "{file} is readable by others",
    "private-keys": "it holds private keys; keep that file to yourself",
    "file-exists": "the file exists already",
    "no-such-file": "there is no such file",
    "empty-passphrase": "the passphrase is empty",
    "no-checkpoint": "there is no checkpoint in it",
    "of-writer": "of writer {writer}",
    "findings": "{count:d} findings",
    "name-key-file": "name your key file",
    "no-administrator": "there is none yet: register the first one",
    "stays-administrator": "an administrator stays one, or is deactivated",
    "not-registered": "not registered",
    "without-role": "inactive, or without the role {roles}",
    "key-not-good": "the key is not registered, expired or revoked",
    "signature": "the signature does not verify",
    "messages": "{count:d} messages",
    "no-java": "Java is not installed",
    "no-maven": "Maven is not installed",
    "maven-ended": "mvn ended with {status:d}",
    "formatting": "formatting Kafka's storage: {reason}",
    "missing": "{name} is missing",
    "disk": "{free:d} MiB free at {home}, {needed:d} needed",
    "attempts": "{service}, {count:d} attempts",
    "ready": "{service}, {seconds:d} s, log {log}",
    "log": "{service}, log {log}",
    "service-log": "{service}: {reason}; log {log}",
    "port-taken": "the port of {service} was taken meanwhile",
    "empty-but": "{folder} is empty, but {file} exists",
    "kafka-at": "Kafka at {address}: {reason}",
    "vault-at": "Vault at {address}: {reason}",
    "topic-error": "{topic}: error {code:d} reading its settings",
    "not-transit": "{mount} is a {kind} engine, not transit",
    "not-a-proof": "the file is not a proof",
    "event-elsewhere": "the event does not state this place",
    "event-not-under": "the event is not under the checkpoint",
    "two-writers": "the checkpoints are of two writers",
    "does-not-go-on": "the later checkpoint does not go on from the older one",
    "not-by-writer": "the checkpoint is not signed by the writer",
    "nobody-vouches": "nobody vouches for the writer",
    "too-many-parts": "too many parts",
    "it-exists": "it exists",
    "no-paper": "it stands for no paper",
    "no-covering": "no checkpoint covers the event",
    "not-two": "the checkpoints are not two of one writer, the older first",
    "chain-missing": "events of the chain are missing",
    "several-writers": "checkpoints of several writers: name one, --writer",
    "version-of": "{record}, version {version:d}",
    "rules-too-many": "{count:d} rules; 1 to {most:d} are read",
    "rules-alike": "two rules are called {name}",
    "rule-too-long": "longer than 64 KiB",
    "not-yaml": "not YAML",
    "only-core": "only core-sensitive fields need an approval",
    "give-four": "give RECORD, --version, --done and --as",
    "not-an-object": "not an object",
    # backups
    "not-sealed-file": "not a sealed file",
    "chunk-closed": "a chunk does not open",
    "more-after-end": "more after the end",
    "backup-chain": "chain",
    "backup-frame": "frame",
    "backup-contents": "contents",
    "collection-name": "a collection's name",
    "boto-missing": "boto3 is missing: install dangan[office]",
    "credentials-open": "others may read the credentials: chmod 600",
    "credentials-file": "the credentials file",
    "storage-endpoint": "endpoint is no address",
    "name-twice": "a name is given twice",
    # registers, custody, retention
    "at-most": "at most {number:d}",
    "characters-up-to": "1 to {number:d} characters",
    "line-too-long": "line {number:d} is too long",
    "in-line": "line {number:d}",
    "in-item": "item {number:d}",
    "more-than-items": "more than {number:d} items",
    "more-than-lines": "more than {number:d} lines",
    "not-come-yet": "it has not come yet",
}


def recognise(detail: str) -> tuple[str, Mapping[str, str]] | None:
    """The entry of :data:`DETAILS` that a detail was written after, and what stands in its places; None for none."""
    for name, pattern in _patterns():
        if found := pattern.fullmatch(detail):
            return name, found.groupdict()
    return None


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The entries as patterns; those that fix most words come first, since others may match the same."""
    fixed = {name: sum(len(part[0]) for part in _parts(words)) for name, words in DETAILS.items()}
    return tuple((name, _pattern(DETAILS[name])) for name in sorted(fixed, key=fixed.__getitem__, reverse=True))


def _pattern(words: str) -> re.Pattern[str]:
    places = {"d": "[0-9]+", "": ".+?"}
    made = (
        re.escape(literal) + (f"(?P<{name}>{places[kind or '']})" if name else "")
        for literal, name, kind in _parts(words)
    )
    return re.compile("".join(made), re.DOTALL)


def _parts(words: str) -> list[tuple[str, str | None, str | None]]:
    return [(literal, name, kind) for literal, name, kind, _ in Formatter().parse(words)]
