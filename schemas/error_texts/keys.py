"""Keys, sweeps, certificates, backups, and the database."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

KEYS: Final[dict[str, Text]] = {
    "DG-KEY-001": Text(
        "Vault does not answer.",
        "Check Vault with dangan doctor; work resumes by itself when it answers.",
    ),
    "DG-KEY-002": Text(
        "Vault refused the request.",
        "Check the token's policy and the key's settings with dangan doctor.",
    ),
    "DG-KEY-003": Text(
        "A key page cannot be opened: its root version is gone or it was altered.",
        "If no sweep is running, restore the newest key-page snapshot.",
    ),
    "DG-KEY-004": Text(
        "A field's ciphertext does not open: it was altered or belongs elsewhere.",
        "Compare with a backup; tell security operations.",
    ),
    "DG-KEY-005": Text(
        "The record's key slot is gone: the record is destroyed.",
        "Nothing can be done; see the destruction certificate.",
    ),
    "DG-KEY-006": Text(
        "This worker does not serve the field's sensitivity level.",
        "Send the command to a worker that serves the level, or add it to the worker's levels.",
    ),
    "DG-KEY-007": Text(
        "The cipher suite is not available on this machine.",
        "Install an OpenSSL with SM4-GCM, or choose suite 1 (AES-256-GCM) in the settings.",
    ),
    "DG-SWP-001": Text(
        "Another sweep of this root is running.",
        "Wait until it ends or its lease does, then run dangan sweep again: it resumes by itself.",
    ),
    "DG-SWP-002": Text(
        "This sweep was taken over by another one and stopped.",
        "Nothing to do: the other one goes on from the same step.",
    ),
    "DG-SWP-003": Text(
        "A key that records still need is under a root version about to be destroyed.",
        "Nothing is lost. Look at the keys named in the detail, then run dangan sweep again.",
    ),
    "DG-SWP-004": Text(
        "A backup place does not hold a good copy of the key pages.",
        "Nothing is lost. Make the place writable and whole, then run dangan sweep again.",
    ),
    "DG-SWP-005": Text(
        "A live record has no slot in the key-page copies.",
        "Nothing is lost. Restore the page named in the detail, then run dangan sweep again.",
    ),
    "DG-SWP-006": Text(
        "Vault still accepts a key that was to be destroyed, so no certificate is given.",
        "Treat it as an incident: compare the key's settings in Vault with the sweep's evidence.",
    ),
    "DG-SWP-007": Text(
        "Too many changes met this one and it gave way.",
        "Run it again; if it recurs, look for what changes the same key pages over and over.",
    ),
    "DG-SWP-008": Text(
        "No backup place is configured, and a sweep destroys only what has been copied first.",
        "Name at least one directory in the settings' backup places.",
    ),
    "DG-SWP-009": Text(
        "The rehearsal of the trim was taken back while the sweep ran, so nothing was trimmed.",
        "Nothing is lost. Find out who lowered the key's min_decryption_version, then run dangan sweep again.",
    ),
    "DG-SWP-010": Text(
        "There is no such root.",
        "Name core, sensitive, basic or ingest, or sweep all of them: dangan sweep --all.",
    ),
    "DG-SWP-011": Text(
        "The backup horizon file cannot be used.",
        "Correct HOME/horizon.toml: each [[place]] has name, holds and keep_days.",
    ),
    "DG-SWP-012": Text(
        "An entry of the destruction ledger does not agree with the archive, so no certificate is given for it.",
        "Treat it as an incident: somebody wrote to the ledger or brought a record or a key page back.",
    ),
    "DG-SWP-013": Text(
        "Vault refused an old key, but not because its version is gone, so no certificate is given.",
        "Read Vault's answer: the ledger's evidence may have been altered, or this Vault words its refusals otherwise.",
    ),
    "DG-CER-001": Text(
        "This is not a destruction certificate.",
        "Ask for the file again; it is one compact JWS (RFC 7515).",
    ),
    "DG-CER-002": Text(
        "The certificate's signature is not one by a key that you trust for certificates.",
        "Compare the trust file with the archive's published fingerprint.",
    ),
    "DG-CER-003": Text(
        "The certificate contradicts itself.",
        "Treat it as false and tell the archive: what it states does not prove a destruction.",
    ),
    "DG-CER-004": Text(
        "There is no certificate for this record yet.",
        "Run dangan sweep --all; a record is certified when all its roots are swept.",
    ),
    "DG-CER-005": Text(
        "This is not a trust file.",
        'Fetch it again; it is JSON with "certificates", "announcements" and "writers".',
    ),
    "DG-BAK-001": Text(
        "This is not a backup, or it is not whole.",
        "Name a directory that dangan backup made; its files must match its manifest.",
    ),
    "DG-BAK-002": Text(
        "The database to restore into is the live one, or is not empty.",
        "Name a new database; a restore never writes over anything.",
    ),
    "DG-BAK-003": Text(
        "The destruction ledger is older than the backup, so destroyed records could come back.",
        "Point the restore at the newest ledger: the live database, or the newest ledger copy.",
    ),
    "DG-BAK-004": Text(
        "There are no current key pages to restore with.",
        "Name the backup place that holds the newest key-page copies.",
    ),
    "DG-BAK-005": Text(
        "A key-page copy is damaged or is not what its name says.",
        "Use the copy of another backup place.",
    ),
    "DG-BAK-006": Text(
        "The backup cannot be written.",
        "Make room and check the folder's permissions, then run dangan backup again; no part of it was left.",
    ),
    "DG-BAK-007": Text(
        "The audit stream cannot be read or is not whole, so what was destroyed since the backup is not known.",
        "Bring the audit topic back, or name an export of it with --audit; dangan audit verify says what is wrong.",
    ),
    "DG-BAK-009": Text(
        "A record was destroyed while the restore was running.",
        "Run dangan restore again; nothing was left behind.",
    ),
    "DG-STO-001": Text(
        "The database does not answer.",
        "Check MongoDB with dangan doctor; work resumes by itself when it answers.",
    ),
}
