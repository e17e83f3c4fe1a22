"""Every error dangan can answer with: a stable code, a sentence for people, and the next step.

The same code stands in the reply, the audit event, the log line and docs/errors.md (generated from
:data:`TEXTS`). A detail may name a field, a file, a setting or a count; never a personal value.
"""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """What a person reads: what happened, and what to do about it."""

    sentence: str
    next_step: str


class DanganError(Exception):
    """Base of all errors.

    Args:
        code: a key of :data:`TEXTS`, for instance ``DG-ACC-001``.
        field: the field, setting or option concerned, if there is one.
        detail: an addition to the sentence; never a personal value.
    """

    def __init__(self, code: str, *, field: str | None = None, detail: str | None = None) -> None:
        text = TEXTS[code]
        self.code = code
        self.field = field
        self.detail = detail
        self.sentence = f"{text.sentence} ({detail})" if detail else text.sentence
        self.next_step = text.next_step
        where = f" [{field}]" if field else ""
        super().__init__(f"{code}{where}: {self.sentence}")


class UnreadableMessage(DanganError):
    """A message that cannot be opened or parsed: it goes to the dead letters, sealed as it came."""


class Refusal(DanganError):
    """A command that a rule forbids: it is audited and its sender gets the code."""


class Transient(DanganError):
    """A dependency does not answer now: the batch is retried, nothing is acknowledged."""


class Fatal(DanganError):
    """The process cannot go on safely: it ends without acknowledging, another one takes over."""


TEXTS: dict[str, Text] = {
    # --- the sealed message (docs/wire.md) ---
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
    # --- the publisher client and key files ---
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
    # --- publishing a file ---
    "DG-PUB-001": Text(
        "The file cannot be read.",
        "Give a CSV (UTF-8 or GB 18030), JSON Lines or Excel (.xlsx) file.",
    ),
    "DG-PUB-002": Text(
        "The file's header cannot be used.",
        "Give every column one name of its own in the first row.",
    ),
    "DG-PUB-003": Text(
        "A row's form is broken; nothing was sent.",
        "Correct the row at the number given, and publish the file again.",
    ),
    "DG-PUB-004": Text(
        "A column is not a field of the catalogue; nothing was sent.",
        "Rename it, map it with --map, or list it there under ignore.",
    ),
    "DG-PUB-005": Text(
        "The mapping cannot be used.",
        "Correct the setting named; docs/wire.md shows a mapping file.",
    ),
    "DG-PUB-006": Text(
        "The row has no value in the column that its id comes from.",
        "Fill the column, or take the ids from another one.",
    ),
    "DG-PUB-007": Text(
        "The result file cannot be used.",
        "Name another file with --result.",
    ),
    # --- any command ---
    "DG-CMD-001": Text(
        "This command id was used before for another command.",
        "Give every command an id of its own (UUID).",
    ),
    "DG-CMD-002": Text(
        "This command was applied before; nothing changed.",
        "Nothing to do.",
    ),
    "DG-CMD-003": Text(
        "This request was answered before; it is not answered again.",
        "Send a new request with an id of its own.",
    ),
    "DG-CMD-004": Text(
        "The sender may not do this.",
        "Ask the archive department for the role or scope that the policy demands.",
    ),
    "DG-CMD-005": Text(
        "The archive could not finish this command and rolled it back.",
        "Publish it again; if it recurs, tell the archive's operators the command id.",
    ),
    # --- collect ---
    "DG-COL-001": Text(
        "The field is not in the catalogue.",
        "Use a field name from: dangan catalogue show.",
    ),
    "DG-COL-002": Text(
        "The field's value is not valid.",
        "Correct the value at its source and send the record again.",
    ),
    "DG-COL-003": Text(
        "A record with this id exists already.",
        "Use an update command, or give the new record an id of its own.",
    ),
    "DG-COL-004": Text(
        "This record was destroyed and cannot be created again.",
        "Collect under a new record id if there is a new legal basis.",
    ),
    "DG-COL-005": Text(
        "The stated purpose does not need this field.",
        "Leave the field out, or state the purpose that needs it.",
    ),
    "DG-COL-006": Text(
        "The purpose is not in the catalogue.",
        "Use a purpose from: dangan catalogue show.",
    ),
    "DG-COL-007": Text(
        "The record id looks like personal data.",
        "Use an opaque reference as the record id; Kafka keys are not encrypted.",
    ),
    # --- update ---
    "DG-UPD-001": Text(
        "There is no live record to update under this id.",
        "Check the record id; a destroyed or sealed record cannot be updated.",
    ),
    "DG-UPD-002": Text(
        "The record has changed since the version this update was made from.",
        "Read the record again and repeat the update on the current version.",
    ),
    "DG-UPD-003": Text(
        "The record holds as much history as fits.",
        "Tell the archive's operators; the record can still be read and destroyed.",
    ),
    # --- access ---
    "DG-ACC-001": Text(
        "There is no grant that covers this request.",
        "Apply for access, naming record, fields, purpose and period.",
    ),
    "DG-ACC-002": Text(
        "The grant is not valid at this time.",
        "Apply for a new grant.",
    ),
    "DG-ACC-003": Text(
        "The grant does not cover this field.",
        "Ask only for granted fields, or apply for a wider grant.",
    ),
    "DG-ACC-004": Text(
        "The stated purpose differs from the grant's.",
        "State the granted purpose, or apply for a grant for the new one.",
    ),
    "DG-ACC-005": Text(
        "The audit event could not be made durable, so nothing was released.",
        "Try again later; the operators see the cause in dangan doctor.",
    ),
    "DG-ACC-006": Text(
        "The reader has no receiving key that is valid now.",
        "Have an X25519 key registered for the reader.",
    ),
    "DG-ACC-007": Text(
        "There is no live record under this id.",
        "Check the record id; a destroyed record has a certificate: dangan certificate show.",
    ),
    # --- destroy and approvals ---
    "DG-DES-001": Text(
        "The destruction lacks approvals: two distinct approvers must sign it.",
        "Have two approvers sign the request's digest: dangan approve.",
    ),
    "DG-DES-002": Text(
        "An approval is not valid: its signature, signer or key cannot be accepted.",
        "Have the approval signed anew by a registered approver with a valid key.",
    ),
    "DG-DES-003": Text(
        "The requester approved the own request.",
        "Have somebody else approve it.",
    ),
    "DG-DES-004": Text(
        "An approval was given for another request.",
        "Sign the digest of exactly this request.",
    ),
    "DG-DES-005": Text(
        "The record is under a legal hold.",
        "Wait for the hold's end; the holder's name is in: dangan admin hold list.",
    ),
    "DG-DES-006": Text(
        "There is no record under this id to destroy.",
        "Check the record id.",
    ),
    "DG-DES-007": Text(
        "The record is destroyed already.",
        "See its certificate: dangan certificate show.",
    ),
    # --- keys, forget, sweep (DG-KEY-0xx: keys/; rows may be added) ---
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
    # --- audit (DG-AUD-0xx: rows may be added) ---
    "DG-AUD-001": Text(
        "The audit topic does not take events.",
        "Check the broker with dangan doctor; nothing is released until it does.",
    ),
    "DG-AUD-002": Text(
        "The audit publisher has stopped.",
        "The worker ends and another one takes over; look for the cause in its log.",
    ),
    "DG-AUD-003": Text(
        "The audit records do not verify.",
        "Keep the file and the topic as they are and tell security operations, naming the places found.",
    ),
    "DG-AUD-004": Text(
        "The audit topic cannot be read.",
        "Check the broker with dangan doctor.",
    ),
    "DG-AUD-005": Text(
        "The file is not what this command reads, or it cannot be read or written.",
        "Give an export made by dangan audit export, or its checkpoints; see docs/audit.md.",
    ),
    "DG-AUD-006": Text(
        "This is not a time.",
        "Give 10m, 2h, 3d, an ISO 8601 time such as 2026-01-31T08:00, or start.",
    ),
    # --- Kafka (DG-KAF-0xx) ---
    "DG-KAF-001": Text(
        "The broker does not take messages.",
        "Check Kafka with dangan doctor; work resumes by itself when it answers.",
    ),
    "DG-KAF-002": Text(
        "The command was handled, but its answer is larger than one message may be.",
        "Ask again under a new id for fewer fields at a time.",
    ),
    # --- store (DG-STO-0xx) ---
    "DG-STO-001": Text(
        "The database does not answer.",
        "Check MongoDB with dangan doctor; work resumes by itself when it answers.",
    ),
    # --- sweep (DG-SWP-0xx) ---
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
    # --- certificates and the trust file (DG-CER-0xx) ---
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
    # --- backup and restore (DG-BAK-0xx) ---
    "DG-BAK-009": Text(
        "A record was destroyed while the restore was running.",
        "Run dangan restore again; nothing was left behind.",
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
    # --- operations: services, bootstrap, settings (DG-OPS-001 to 029) ---
    "DG-OPS-001": Text(
        "A program that this needs is missing.",
        "Install the program named in the detail; dangan doctor lists what else is missing.",
    ),
    "DG-OPS-002": Text(
        "The Kafka broker's jars could not be fetched.",
        "Check that Maven reaches its repository and that the disk has room, then repeat; or: --kafka mock.",
    ),
    "DG-OPS-003": Text(
        "The disk is too full to start a service.",
        "Free some space, or choose another folder with --home.",
    ),
    "DG-OPS-004": Text(
        "A service ended while it was starting.",
        "Read its log, named in the detail; then repeat.",
    ),
    "DG-OPS-005": Text(
        "A service did not become ready in time.",
        "Read its log, named in the detail; a busy machine may need a second try.",
    ),
    "DG-OPS-006": Text(
        "No free port was found on 127.0.0.1.",
        "Stop what holds the ports and repeat.",
    ),
    "DG-OPS-007": Text(
        "Another dangan command is starting or stopping services in this home.",
        "Wait until it has ended and repeat.",
    ),
    "DG-OPS-008": Text(
        "The embedded services are not installed.",
        "Install the package with its extra: dangan[embedded].",
    ),
    "DG-OPS-009": Text(
        "The embedded Vault cannot be unsealed: its unseal key is missing or does not fit.",
        "Put vault/unseal.key back; without it the data is lost, so start afresh in an empty home.",
    ),
    "DG-OPS-010": Text(
        "Vault refused an administrative request.",
        "Use a token that may manage mounts, policies, keys and tokens (dangan init --token-file).",
    ),
    "DG-OPS-011": Text(
        "A setting is not valid.",
        "Correct it in HOME/dangan.toml or in its DANGAN_* variable.",
    ),
    "DG-OPS-012": Text(
        "A secret stands in the environment or in the settings file.",
        "Put it into a file that only its user can read: HOME/vault/tokens/ROLE.token, or mongo_uri_file.",
    ),
    "DG-OPS-013": Text(
        "A key in Vault is not set as dangan needs it.",
        "Remove the cause named in the detail; an exportable key can only be replaced.",
    ),
    "DG-OPS-014": Text(
        "A Kafka topic exists with other settings than dangan needs.",
        "Alter the topic as the detail says, or remove it if nothing in it is needed, then repeat.",
    ),
    "DG-OPS-015": Text(
        "A Kafka topic could not be created or read.",
        "Check the broker, and that this client may create and describe topics.",
    ),
    "DG-OPS-016": Text(
        "The state file of the embedded services is unreadable.",
        "Stop the services by hand if they run, remove HOME/state.json and repeat.",
    ),
    "DG-OPS-017": Text(
        "This service is not among those started here.",
        "Start it: dangan up --with SERVICE.",
    ),
    "DG-OPS-018": Text(
        "The mock Kafka cluster cannot be restarted: nothing in it survives.",
        "Install Java 17 or newer and Maven for a real broker.",
    ),
    "DG-OPS-019": Text(
        "A service does not answer.",
        "Check its address with dangan doctor, and that it runs: dangan up.",
    ),
    "DG-OPS-020": Text(
        "A token file is missing, unreadable, or readable by others.",
        "Have it written by dangan up or dangan init; its mode must be 0600.",
    ),
    "DG-OPS-021": Text(
        "Another kind of Kafka is running in this home.",
        "Stop it first: dangan down.",
    ),
    # --- operations: policies and registrations (DG-OPS-03x) ---
    "DG-OPS-030": Text(
        "The catalogue or a policy file cannot be used.",
        "Correct the file named in the detail; the shipped policies/ folder is an example.",
    ),
    "DG-OPS-031": Text(
        "There is no such principal, grant or hold.",
        "List what there is: dangan admin principal list, grant list, hold list.",
    ),
    "DG-OPS-032": Text(
        "These roles may not be held together.",
        "Administrators of the system hold no business role; register two principals.",
    ),
    "DG-OPS-033": Text(
        "The public key file is not what dangan keys new prints.",
        "Give the JSON file with the public half: dangan keys show --public.",
    ),
    "DG-OPS-034": Text(
        "Messages sealed to a retired ingest key are still waiting to be processed.",
        "Start a worker (dangan worker) and repeat; nothing was destroyed.",
    ),
    "DG-OPS-035": Text(
        "The file is not a destroy command.",
        'Give JSON with "id", "records", "ground" and "reason", as docs/wire.md describes.',
    ),
    # --- operations: the demo (DG-OPS-040 to 049) ---
    "DG-OPS-050": Text(
        "A worker must serve all levels: fleets for single levels need topics of their own, which are not built yet.",
        "Set levels to core, sensitive and basic, or leave the setting out.",
    ),
    "DG-OPS-051": Text(
        "The level of a field was changed in the catalogue, but what is archived under it keeps its old level.",
        "Put the old level back; give the field a new name to archive it under another level.",
    ),
    "DG-OPS-052": Text(
        "faust-streaming is installed without its compiled part; in that form it loses messages at a rebalance.",
        "Install the wheel of the locked version, and unset NO_CYTHON.",
    ),
    "DG-OPS-040": Text(
        "The demo's folder is not empty.",
        "Name a new folder with --home, or leave it out: the demo then makes one of its own.",
    ),
    "DG-OPS-036": Text(
        "This is not an opaque reference.",
        "Use 3 to 64 of A-Z a-z 0-9 . _ : - and nothing that identifies a person.",
    ),
    "DG-OPS-037": Text(
        "This key is revoked, or belongs to another principal.",
        "Make new keys: dangan keys new. A key that was ever revoked never comes back.",
    ),
    "DG-OPS-038": Text(
        "A grant with this id was made before.",
        "Choose another id; what a grant allows never changes, it can only be recalled.",
    ),
    "DG-OPS-039": Text(
        "Somebody else changed this registration at the same time.",
        "Look at it with dangan admin principal list, then repeat what is still wanted.",
    ),
    "DG-OPS-060": Text(
        "Only a registered administrator may do this.",
        "Give --as KEYFILE of an active principal with the role administrator; the first one registered must be one.",
    ),
}
