"""The sealed message, the publisher client, and Kafka."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

MESSAGES: Final[dict[str, Text]] = {
    "DG-WIR-001": Text(
        "The message is not a sealed bundle: its content type is not application/jose.",
        "Seal bundles with the publisher client, or as docs/wire.md describes.",
    ),
    "DG-WIR-002": Text(
        "The message is larger than the limit.",
        "Send fewer or smaller commands in one bundle; the limit is in docs/wire.md.",
    ),
    "DG-WIR-003": Text(
        "The message is not a compact JWE of the expected kind.",
        "Use ECDH-ES+A256KW on X25519 with A256GCM, without compression (docs/wire.md).",
    ),
    "DG-WIR-004": Text(
        "The message is sealed to an ingest key that is unknown or already destroyed.",
        "Fetch the current ingest key from archive.keys, seal the bundle again and publish it.",
    ),
    "DG-WIR-005": Text(
        "The message does not decrypt: it was altered or cut short.",
        "Publish the bundle again; if it recurs, look for what alters messages on the way.",
    ),
    "DG-WIR-006": Text(
        "The sealed content is not a signed bundle of the expected kind.",
        "Sign with Ed25519 as a compact JWS inside the JWE (docs/wire.md).",
    ),
    "DG-WIR-007": Text(
        "The signer is not a registered principal.",
        "Have the principal and its signing key registered: dangan admin principal add.",
    ),
    "DG-WIR-008": Text(
        "The signature does not verify.",
        "Check that the registered public key belongs to the key that signs.",
    ),
    "DG-WIR-009": Text(
        "The signing key is expired, not yet valid, or revoked.",
        "Rotate the sender's key and have the new public key registered.",
    ),
    "DG-WIR-010": Text(
        "The bundle is not valid JSON, or is nested too deeply.",
        'Send {"commands": [...]} as docs/wire.md describes.',
    ),
    "DG-WIR-011": Text(
        "The bundle breaks the schema.",
        "Compare the command named in the detail with docs/wire.md.",
    ),
    "DG-WIR-012": Text(
        "The bundle holds more than 256 commands, or none.",
        "Send 1 to 256 commands in one bundle.",
    ),
    "DG-WIR-013": Text(
        "The bundle is too old, or from the future.",
        "Check the sender's clock; seal the commands anew and publish them again.",
    ),
    "DG-WIR-014": Text(
        "The bundle holds commands that do not belong on this topic.",
        "Publish each command family on its own topic (docs/wire.md).",
    ),
    "DG-WIR-015": Text(
        "A CloudEvents header is missing or malformed.",
        "Send ce_specversion, ce_id, ce_type, ce_source and ce_time as docs/wire.md describes.",
    ),
    "DG-WIR-016": Text(
        "The reply cannot be trusted: it is not signed by a worker that the archive vouches for.",
        "Check the trust file, and who may write to archive.replies.",
    ),
    "DG-WIR-017": Text(
        "No ingest key may be used for sealing now.",
        "Have the operators run: dangan ingest rotate; check that the trust file is the archive's.",
    ),
    "DG-WIR-018": Text(
        "The Kafka brokers do not answer, or the topic is missing.",
        "Check the bootstrap address and the topics with dangan doctor; then try again.",
    ),
    "DG-WIR-019": Text(
        "Kafka did not confirm the bundle in time; it may still arrive.",
        "Publish the same command again under the same id: it is applied once.",
    ),
    "DG-WIR-020": Text(
        "The archive did not answer in time; the command may have been applied.",
        "Publish the same command again under the same id: it is applied once.",
    ),
    "DG-WIR-021": Text(
        "The publisher was closed before this command was finished.",
        "Publish the same command again under the same id: it is applied once.",
    ),
    "DG-WIR-022": Text(
        "The key file cannot be used.",
        "Check the file and the passphrase; make new keys with: dangan keys new.",
    ),
    "DG-KAF-001": Text(
        "The broker does not take messages.",
        "Check Kafka with dangan doctor; work resumes by itself when it answers.",
    ),
    "DG-KAF-002": Text(
        "The command was handled, but its answer is larger than one message may be.",
        "Ask again under a new id for fewer fields at a time.",
    ),
}
