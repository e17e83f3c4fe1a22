"""People, their permissions and keys (SEC-03 to 06, 08, 09, 14)."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

PEOPLE: Final[dict[str, Text]] = {
    "DG-SEC-001": Text(
        "Permissions are given on an application that others approved; this one was not approved.",
        "dangan admin principal apply --out FILE writes the application; the posts sign it with dangan "
        "approve; then: dangan admin principal add --request FILE --approval FILE. New keys that the old key signs "
        "for go without: dangan keys rotate.",
    ),
    "DG-SEC-002": Text(
        "An approval of this change of permissions is not valid.",
        "Have it signed again with dangan approve, by a registered person whose key is good.",
    ),
    "DG-SEC-003": Text(
        "Nobody approves permissions for himself, nor an application of his own.",
        "Have it signed by somebody else who holds the post.",
    ),
    "DG-SEC-004": Text(
        "The approval is for another application.",
        "Sign exactly the file that is carried out, for the administrator who carries it out.",
    ),
    "DG-SEC-005": Text(
        "The signer holds none of the posts that approve permissions.",
        "Setting people.approval names the posts; have one of their holders sign.",
    ),
    "DG-SEC-006": Text(
        "The approval is too old, or its time is ahead.",
        "Have it signed again with dangan approve.",
    ),
    "DG-SEC-007": Text(
        "An approval by one of the posts is missing.",
        "The detail names the posts (setting people.approval); each signs with dangan approve, each another person.",
    ),
    "DG-SEC-008": Text(
        "There is no confidentiality agreement in force for this person.",
        "Sign one; an administrator then registers it with --agreement REFERENCE --agreement-until DATE.",
    ),
    "DG-SEC-009": Text(
        "The permissions have lapsed: they were not reviewed in time, or not used.",
        "A reviewer renews them with dangan admin review sign, or an administrator applies for them again.",
    ),
    "DG-SEC-010": Text(
        "This is more than the role may have.",
        "Ask for less; setting people.role_templates says what each role may be registered with.",
    ),
    "DG-SEC-011": Text(
        "These roles are never held by one principal.",
        "Give one of them to somebody else; setting people.incompatible lists the pairs.",
    ),
    "DG-SEC-012": Text(
        "Shared and group accounts are not registered: a credential belongs to one person, or to one system.",
        "Make a key for each person with dangan keys new, and register each.",
    ),
    "DG-SEC-013": Text(
        "The registration does not carry the archive's signature, or was altered since.",
        "Find out who altered it. An administrator locks it with dangan admin principal deactivate; then it is applied "
        "for again, with new keys.",
    ),
    "DG-SEC-014": Text(
        "There is no hand-over list: what this person holds must be handed over in full first.",
        "dangan admin principal handover writes the list; the successor signs it with dangan approve --action "
        "take-over.",
    ),
    "DG-SEC-015": Text(
        "The hand-over list is not what this person holds now.",
        "Write the list anew with dangan admin principal handover and have it signed again.",
    ),
    "DG-SEC-016": Text(
        "The hand-over is not confirmed by the successor.",
        "The successor named in the list signs it with dangan approve --action take-over.",
    ),
    "DG-SEC-017": Text(
        "What is not needed any more is destroyed by two persons, and they have not both signed.",
        "Two persons other than the leaver sign the list with dangan approve --action approve-destroy.",
    ),
    "DG-SEC-018": Text(
        "The file is not what this command reads.",
        "Give the file as dangan admin principal apply, move or handover, or dangan keys rotate, wrote it.",
    ),
    "DG-SEC-019": Text(
        "The registration has changed since the application was written.",
        "Write the application again and have it signed again.",
    ),
    "DG-SEC-020": Text(
        "Nobody reviews his own permissions.",
        "Have them reviewed by another holder of a reviewing post (setting people.reviewers).",
    ),
    "DG-SEC-021": Text(
        "The request for a new key is not signed by a good key of its principal.",
        "Make it with dangan keys rotate from the key that is registered; after a theft, apply for the "
        "registration of a new key.",
    ),
    "DG-SEC-022": Text(
        "The successor cannot take over what is handed over.",
        "Name an active person who may hold it: for records, one with the role custodian.",
    ),
}
