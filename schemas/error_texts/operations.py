"""Operations: services, settings, registrations, files to publish, and the audit stream."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

OPERATIONS: Final[dict[str, Text]] = {
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
    "DG-OPS-022": Text(
        "There is no such embedded store.",
        "Give the variable one of the names in the detail, or leave it out.",
    ),
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
        "The file is not a command that people sign, or it is not clear what is to be signed.",
        "Give the command as JSON with its id, as docs/wire.md describes; --action says what you sign of a hand_over.",
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
    "DG-OPS-040": Text(
        "The demo's folder is not empty.",
        "Name a new folder with --home, or leave it out: the demo then makes one of its own.",
    ),
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
    "DG-OPS-060": Text(
        "Only a registered administrator may do this.",
        "Give --as KEYFILE of an active principal with the role administrator; the first one registered must be one.",
    ),
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
    "DG-PUB-010": Text(
        "The archive stopped answering; what was not sent yet was held back.",
        "When it answers again, run the same command with the same --result: settled rows are not sent again.",
    ),
    "DG-PUB-011": Text(
        "The example cannot be written.",
        "Name a folder that you may write to and that holds no example yet.",
    ),
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
    "DG-AUD-007": Text(
        "No event with this id, or no checkpoint of this writer, is in the files.",
        "Give the id as dangan audit tail --json shows it in metadata.uid, and every export that holds its chain.",
    ),
    "DG-AUD-008": Text(
        "The proof does not hold.",
        "Ask for the proof again; if that one fails too, tell security operations and keep both.",
    ),
    "DG-AUD-009": Text(
        "The files cannot prove this: events of the chain or a checkpoint over them are missing.",
        "Export again from the start, with the checkpoint that follows the event, or name an older checkpoint.",
    ),
    "DG-DET-001": Text(
        "A detection rule cannot be used.",
        "Correct the key of the file named; the shipped policies/detections are examples, docs/detections.md explains.",
    ),
    "DG-DET-002": Text(
        "The alerts topic cannot be read or written.",
        "Check the broker with dangan doctor, then repeat: an alert that was told before is not told again.",
    ),
}
