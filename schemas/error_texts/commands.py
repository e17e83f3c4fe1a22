"""Commands: what a rule refuses."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

COMMANDS: Final[dict[str, Text]] = {
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
    "DG-COL-010": Text(
        "The intended use is not stated, or is not a use of the stated purpose.",
        "State a use that the catalogue lists for the purpose, or ask for the use to be added.",
    ),
    "DG-COL-011": Text(
        "There is no registered notice that the customer was given before the collection.",
        "Give the customer a notice of policies/notices for this purpose first, and name it with its time.",
    ),
    "DG-COL-012": Text(
        "There is no complete evidence of the customer's explicit consent, and no exemption is claimed.",
        "Obtain the consent and state what is missing, or claim an exemption that the rule book lists.",
    ),
    "DG-COL-013": Text(
        "The consent was given before its notice, or after the collection.",
        "Give the notice first, obtain the consent, then collect.",
    ),
    "DG-COL-014": Text(
        "The channel of the collection is not named, or is not a lawful one.",
        "Name a channel that the rule book lists.",
    ),
    "DG-COL-015": Text(
        "Information from a third party needs the source and the customer's authorisation of it.",
        "Have the customer authorise the source, and name both.",
    ),
    "DG-COL-016": Text(
        "The collection is not on a registered form for this purpose.",
        "Use a form and version of policies/forms that is made for the purpose.",
    ),
    "DG-COL-017": Text(
        "Mandatory fields of the form are missing.",
        "Complete the fields that are named and send the record again.",
    ),
    "DG-COL-018": Text(
        "The field is not on the form.",
        "Leave the field out, or use a version of the form that has it.",
    ),
    "DG-COL-019": Text(
        "Core-sensitive fields and attachments need an approval of their own for this collection.",
        "Have an approver sign a collection approval: dangan collection approve.",
    ),
    "DG-COL-020": Text(
        "A telephone recording must be desensitised first, with method and operator.",
        "Desensitise the recording, and state how and by whom.",
    ),
    "DG-COL-021": Text(
        "The item lacks content that every item of its kind must have.",
        "Complete what is named and send the item again.",
    ),
    "DG-COL-022": Text(
        "The time of the event is missing, or lies in the future.",
        "State when it happened; the time of entry is kept beside it.",
    ),
    "DG-COL-023": Text(
        "It is not said who collected the information.",
        "Name the collector by a reference.",
    ),
    "DG-COL-024": Text(
        "The item has no category: its kind is not named, or not registered.",
        "Name a kind of item of policies/forms/items.toml.",
    ),
    "DG-COL-025": Text(
        "The exemption is not on the configured list.",
        "Obtain the customer's consent, or claim an exemption that the rule book lists.",
    ),
    "DG-COL-026": Text(
        "The consent was given to another text than the notice's.",
        "Obtain the consent to the notice that was given.",
    ),
    "DG-COL-027": Text(
        "A key step belongs into the file of its business matter, which is not named.",
        "Name the matter by a reference.",
    ),
    "DG-COL-028": Text(
        "A collection approval with this id was given before.",
        "Choose another id; what an approval covers never changes.",
    ),
    "DG-CON-001": Text(
        "The customer has withdrawn this consent.",
        "Stop. Collect again only under a new consent, or where another legal basis holds.",
    ),
    "DG-CON-002": Text(
        "This consent was given for another purpose.",
        "Obtain a new consent for the new purpose.",
    ),
    "DG-CON-003": Text(
        "This consent was given to another text.",
        "Give every consent a reference of its own.",
    ),
    "DG-CON-004": Text(
        "This consent was withdrawn before; nothing changed.",
        "Nothing to do.",
    ),
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
    "DG-UPD-010": Text(
        "A stored value changes only by an approved correction.",
        "Send a propose command; the custodian applies it once it is approved.",
    ),
    "DG-UPD-011": Text(
        "The stated event does not let this sender change this field without approval.",
        "Send a propose command, or have the event's fields and its source set in correction.event_updates.",
    ),
    "DG-COR-001": Text(
        "There is no proposal under this id for this record.",
        "Look for it in: dangan correction list.",
    ),
    "DG-COR-002": Text(
        "The proposal is decided already.",
        "Nothing to do; propose anew if the value is still wrong.",
    ),
    "DG-COR-003": Text(
        "Nobody decides on the own proposal.",
        "Have somebody else approve or decide it.",
    ),
    "DG-COR-004": Text(
        "Another decision on this proposal is being applied.",
        "Decide again later: after 10 minutes at the latest the other one is applied or counts no more.",
    ),
    "DG-COR-005": Text(
        "The grant does not cover earlier or proposed versions.",
        "Apply for a grant with history.",
    ),
    "DG-COR-006": Text(
        "The record has no such version.",
        "Ask for its versions first.",
    ),
    "DG-COR-007": Text(
        "The proposal cannot be applied: there is no live record for it, or the record's purpose needs no such field.",
        "Reject it.",
    ),
    "DG-COR-008": Text(
        "A read names one thing: a version, a proposal, or the list of versions.",
        "Send one request for each.",
    ),
    "DG-COR-009": Text(
        "There is no open paper copy of this version.",
        "See which are open: dangan correction paper.",
    ),
    "DG-COR-010": Text(
        "The acting person may not do this.",
        "Act with --as and the key of a registered person who has the role.",
    ),
    "DG-COR-011": Text(
        "There is no live record under this id.",
        "Check the record id.",
    ),
    "DG-COR-012": Text(
        "You have as many undecided proposals, about this record or in all, as one sender may have.",
        "Wait until the custodian has decided some of them.",
    ),
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
    "DG-ACC-009": Text(
        "The customer has withdrawn the consent that this record rests on.",
        "Stop using it; the record waits for its destruction.",
    ),
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
        "The record, or the archive that it belongs to, is under a legal hold; the detail says which.",
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
    "DG-MRG-001": Text(
        "This customer has an archive already; what was sent is kept beside it as a duplicate, which nobody reads.",
        "Nothing to do; the archive department decides about it: dangan duplicates list.",
    ),
    "DG-MRG-002": Text(
        "There is no live record under this id to merge or to take apart.",
        "Check the record ids; what is destroyed can be neither merged nor taken apart.",
    ),
    "DG-MRG-003": Text(
        "Another archive stands for this identity.",
        "Check the value; if it is right, the two archives are one customer's: dangan merge prepare.",
    ),
    "DG-MRG-004": Text(
        "The record is part of another archive.",
        "Name that archive instead; the detail says which.",
    ),
    "DG-MRG-005": Text(
        "A record of this request has parts or waiting duplicates that the request does not name.",
        "Name those in the detail too, and have the request signed anew: dangan destroy prepare adds them.",
    ),
    "DG-MRG-006": Text(
        "A record has changed since the version that was decided on.",
        "Look again and have it signed for the current versions: dangan duplicates show.",
    ),
    "DG-MRG-007": Text(
        "The record that should stay is not an archive of its own that is in use.",
        "Name an archived record that is not part of another one.",
    ),
    "DG-MRG-008": Text(
        "The two records were collected for different purposes.",
        "Merge only records of one purpose; each other stands on its own consent and basis.",
    ),
    "DG-MRG-009": Text(
        "The record that should join has parts of its own.",
        "Merge the other way round, or undo its merges first.",
    ),
    "DG-MRG-010": Text(
        "A record is under a legal hold, or is being destroyed.",
        "Have the hold lifted by who placed it; a destruction that has begun cannot be stopped.",
    ),
    "DG-MRG-011": Text(
        "The record is not a part of that archive.",
        "See what the archive consists of: dangan duplicates show.",
    ),
    "DG-MRG-012": Text(
        "The record that should join is neither a duplicate nor archived.",
        "Finish its intake first, or let it be returned.",
    ),
    "DG-MRG-013": Text(
        "The archive has as many parts as fit.",
        "Tell the archive's operators: a destruction request must be able to name all of them.",
    ),
    "DG-APR-001": Text(
        "The request lacks a signature that it needs: each post must be signed for by another person.",
        "Have the posts named in the detail sign the request's digest: dangan approve.",
    ),
    "DG-APR-002": Text(
        "A signature is not valid: it, its signer or its key cannot be accepted for this.",
        "Have the request signed anew by a registered person with a valid key.",
    ),
    "DG-APR-003": Text(
        "The requester signed the own request.",
        "Have somebody else sign it.",
    ),
    "DG-APR-004": Text(
        "A signature was given for another request.",
        "Sign the digest of exactly this request, as this sender will send it.",
    ),
    "DG-APR-005": Text(
        "Somebody signed who holds none of the posts that may.",
        "Have the holders of the posts sign; the rule book names them.",
    ),
    "DG-APR-006": Text(
        "A signature is too old, or dated ahead of time.",
        "Have the request signed anew; check the signer's clock.",
    ),
    "DG-APR-007": Text(
        "The posts signed in the wrong order.",
        "Have them sign in the order in which the rule book names them.",
    ),
    "DG-ACC-008": Text(
        "The record is not an archive yet: it waits for review, hand-over or confirmation, or for a decision.",
        "Wait until it is archived; reviewers and archivists read it in order to review it.",
    ),
    "DG-ACC-010": Text(
        "Somebody objected to how this record was obtained, and compliance has not cleared it.",
        "Wait for compliance: dangan intake clear.",
    ),
    "DG-INT-001": Text(
        "There is no live record under this id.",
        "Check the record id.",
    ),
    "DG-INT-002": Text(
        "The record is not at the stage for this.",
        "See where it stands: dangan intake list.",
    ),
    "DG-INT-003": Text(
        "Who collected or sent a record does not review it.",
        "Have another reviewer look at it.",
    ),
    "DG-INT-004": Text(
        "The identity was not verified as it must be.",
        "Check the original, an identity card online too, and send the check with the review.",
    ),
    "DG-INT-005": Text(
        "Business begins with this record, and the customer's identity class and risk grade are missing.",
        "Assess the customer first; give intake.assessment.",
    ),
    "DG-INT-006": Text(
        "A returned record needs a reason.",
        "Say what is missing or doubtful, without personal data.",
    ),
    "DG-INT-007": Text(
        "The hand-over's catalogue does not agree with the record, so nothing was handed over.",
        "Look at what the detail names, correct the record or the catalogue, and have it signed anew.",
    ),
    "DG-INT-008": Text(
        "The record was changed after its review.",
        "Review it again.",
    ),
    "DG-INT-009": Text(
        "The archive has no custodian who is active and holds that post.",
        "Name one: hand_over's custodian, or dangan intake assign.",
    ),
    "DG-INT-010": Text(
        "Who collected or sent a record does not confirm it.",
        "Have another person of the post sign.",
    ),
    "DG-INT-011": Text(
        "Who delivers is not of the department that collected the record.",
        "Have that department's designated person sign the hand-over.",
    ),
    "DG-INT-012": Text(
        "The time by which to answer is past.",
        "Give a later answer_by, or none: the rule book's period is taken.",
    ),
    "DG-INT-013": Text(
        "There is no transfer confirmation under this id.",
        "The id is that of the hand_over command.",
    ),
    "DG-INT-014": Text(
        "There is no objection to this record.",
        "Check the record id.",
    ),
    "DG-INT-015": Text(
        "The transfer confirmation's signatures do not verify.",
        "Treat it as an incident: somebody altered it.",
    ),
    "DG-INT-016": Text(
        "The request does not name the version that the record has now.",
        "Look at the record as it is now; give that version in versions, and have it signed anew where it is signed.",
    ),
}
