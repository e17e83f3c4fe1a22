"""Sentences for sharing (共享): application, agreement, consents, channels, delivery, receipts, recall."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

SHARING: Final[dict[str, Text]] = {
    "DG-SHR-001": Text(
        "The application to share does not say for what purpose.", "Give purpose, a name of the catalogue."
    ),
    "DG-SHR-002": Text(
        "The application to share does not say what is shared.",
        "Give records by their ids, and fields: no more than the purpose needs.",
    ),
    "DG-SHR-003": Text(
        "The application to share does not say with whom.", "Give recipient: the id of a registered principal."
    ),
    "DG-SHR-004": Text(
        "The application to share does not say what makes it lawful.",
        "Give basis: consent, contract, legal_duty, vital_interest or public_duty.",
    ),
    "DG-SHR-005": Text(
        "The application to share does not say why.", "Give reason: what the recipient needs the information for."
    ),
    "DG-SHR-006": Text(
        "The application does not say whether the share goes to another department or outside.",
        "Give kind: internal or external.",
    ),
    "DG-SHR-007": Text(
        "The period of the share cannot be.",
        "Give until: a time in the future, no further away than share.longest_days.",
    ),
    "DG-SHR-008": Text(
        "The application to share does not say by which channel it goes.",
        "Give channel: one of transfer.encrypted_channels.",
    ),
    "DG-SHR-010": Text(
        "The recipient is not registered, or has no key to receive with.",
        "Register the recipient with its keys (dangan admin principal add), or have its key renewed.",
    ),
    "DG-SHR-011": Text(
        "The recipient does not fit the kind of share.",
        "Share outside with a principal of the role recipient, inside with a person or system of another department.",
    ),
    "DG-SHR-014": Text(
        "There is no confidentiality agreement with this recipient in force.",
        "Sign one and enter it with dangan share agreement add, then name it in agreement.",
    ),
    "DG-SHR-015": Text(
        "The confidentiality agreement does not cover all that is to be sent.",
        "Leave out the field, or extend the agreement.",
    ),
    "DG-SHR-016": Text(
        "The confidentiality agreement does not cover this purpose.",
        "Share for a purpose that the agreement names, or extend it.",
    ),
    "DG-SHR-017": Text(
        "The confidentiality agreement does not state the recipient's duties.",
        "Have the duties agreed in writing, and enter the agreement again under a new reference.",
    ),
    "DG-SHR-018": Text(
        "The confidentiality agreement does not say how the recipient stores what it gets encrypted.",
        "Have encrypted storage agreed, and enter it with --at-rest.",
    ),
    "DG-SHR-020": Text(
        "A customer whose information is to go outside has not consented to this recipient for this purpose.",
        "Leave the record out, or ask the customer; a consent names the recipient in third_parties.",
    ),
    "DG-SHR-021": Text("What is declared as anonymised still holds a direct identifier.", "Leave the field out."),
    "DG-SHR-022": Text(
        "Only information that is not sensitive is shared in anonymised form.",
        "Leave the field out, or share in another form with its approvals and consents.",
    ),
    "DG-SHR-023": Text("The channel is not encrypted.", "Choose one of transfer.encrypted_channels."),
    "DG-SHR-024": Text(
        "Customer information does not travel by this unsafe channel.",
        "Choose one of transfer.encrypted_channels; e-mail only encrypted.",
    ),
    "DG-SHR-025": Text(
        "The sending would hold the package together with a password or a private key.",
        "Send the package alone. It needs no password: the recipient opens it with its own key.",
    ),
    "DG-SHR-026": Text(
        "Important records are passed on by a designated person only.",
        "Name a carrier with the role of transfer.designated_role, and let that person send the delivery.",
    ),
    "DG-SHR-027": Text(
        "The safeguards for passing on important records are not stated.",
        "Give safeguards: one or more of transfer.safeguards.",
    ),
    "DG-SHR-030": Text(
        "The opinion of a department that was asked is missing.",
        "Let somebody of that department sign an opinion (dangan share show names what is missing).",
    ),
    "DG-SHR-031": Text(
        "The signature is not valid, or not one of those that an application to share takes.",
        "Sign the application again with dangan approve and your registered key.",
    ),
    "DG-SHR-032": Text("The signer's key has expired.", "Register a new key, then sign again."),
    "DG-SHR-033": Text("The signer's key was revoked.", "Register a new key, then sign again."),
    "DG-SHR-034": Text("Who applies to share cannot sign the application.", "Let another person sign."),
    "DG-SHR-035": Text("The signature is for another application.", "Sign this application."),
    "DG-SHR-036": Text("The signature is too old, or from the future.", "Sign again."),
    "DG-SHR-037": Text(
        "This person has approved already; each approval takes another person.",
        "Let another holder of the next post sign.",
    ),
    "DG-SHR-038": Text(
        "The signer may not sign this application as that.",
        "Ask a holder of one of the posts, or of a department that was asked.",
    ),
    "DG-SHR-039": Text(
        "It is not the signer's turn: another post signs first.",
        "Let the posts sign in their order; dangan share show says whose turn it is.",
    ),
    "DG-SHR-040": Text("This takes exactly one signature.", "Send each signature in a command of its own."),
    "DG-SHR-041": Text("An opinion or a rejection needs a reason.", "Give reason, without personal data."),
    "DG-SHR-042": Text("This signature has counted already.", "Nothing needs to be done."),
    "DG-SHR-043": Text("The application has too many opinions.", "Decide on it."),
    "DG-SHR-050": Text("There is no such share.", "Check its id with dangan share list."),
    "DG-SHR-051": Text(
        "This cannot be done with the share in the state that it is in.", "See with dangan share show how far it is."
    ),
    "DG-SHR-052": Text(
        "A record of the share cannot be provided.",
        "See the code in brackets; leave the record out in a new application.",
    ),
    "DG-SHR-053": Text("The package would be too large.", "Share fewer records or fields at a time."),
    "DG-SHR-054": Text("The share was delivered too often.", "Recall it, and apply again."),
    "DG-SHR-055": Text(
        "The stored share is not as the archive left it.",
        "Report it as an incident, unless it is from before an upgrade: dangan audit review. Apply again.",
    ),
    "DG-SHR-060": Text(
        "The statement is not one that the recipient signed.",
        "Let the recipient make it with dangan share receipt, with the key that it is registered with.",
    ),
    "DG-SHR-061": Text(
        "The statement is about another share or package.", "Let the recipient make it from the package of this share."
    ),
    "DG-SHR-062": Text(
        "The statement says something else than this command needs.",
        "Acknowledge with a receipt, confirm with a statement of deletion (--deleted).",
    ),
    "DG-SHR-070": Text(
        "This is no package of a share that this key opens, or the archive has not signed it.",
        "Check the file, the key file and the trust file.",
    ),
}
