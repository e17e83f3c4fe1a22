"""Sentences for use (使用): application, opinions and approvals, grants, return, copies."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

USE: Final[dict[str, Text]] = {
    "DG-USE-001": Text("The application does not say for what purpose.", "Give purpose, a name of the catalogue."),
    "DG-USE-002": Text("The application does not say why.", "Give reason: what the information is needed for."),
    "DG-USE-003": Text(
        "The application does not say which fields.", "Give fields: no more of them than the purpose needs."
    ),
    "DG-USE-004": Text(
        "The application does not say for how long.", "Give not_before and not_after: when the use begins and ends."
    ),
    "DG-USE-005": Text(
        "The application does not say whose records.", "Give records by their ids, or a selection by attributes."
    ),
    "DG-USE-006": Text(
        "The application does not say who applies.", "Give contact: an opaque reference to your particulars."
    ),
    "DG-USE-007": Text(
        "The period of use cannot be.",
        "Let it begin before it ends, end in the future, and last no longer than use.longest_days.",
    ),
    "DG-USE-008": Text(
        "Your department may not use information for this purpose.",
        "Apply for one of its purposes; use.purposes_by_department lists them.",
    ),
    "DG-USE-009": Text(
        "Only certain posts may apply for the archives of all customers.",
        "Name the records, or ask a holder of one of the posts in use.all_records_posts.",
    ),
    "DG-USE-010": Text(
        "Records and a selection do not go together like this.",
        "Give the ids of records, or * for all of them, or a selection by attributes.",
    ),
    "DG-USE-011": Text("A marketing use does not say what is offered.", "Give product: the name of what is offered."),
    "DG-USE-012": Text(
        "The product may not be offered to this customer's risk grade, or the grade is not known.",
        "Offer what use.products allows for the grade; a customer without a grade is assessed first.",
    ),
    "DG-USE-013": Text(
        "A field is asked for in clear and is not among the fields.", "Name it in fields too, or take it off clear."
    ),
    "DG-USE-014": Text(
        "Copies of customer information do not go to a shared terminal.",
        "Name a terminal of your own; use.shared_terminals lists the shared ones.",
    ),
    "DG-USE-015": Text(
        "An application to copy does not say where the copies go.", "Give terminal: the name of the computer."
    ),
    "DG-USE-016": Text(
        "An earlier use was not given back in time.",
        "Give it back first: dangan use give-back; what is overdue shows: dangan use overdue.",
    ),
    "DG-USE-017": Text(
        "Too many of your applications are open.", "Wait for them to be decided, or withdraw some: dangan use withdraw."
    ),
    "DG-USE-018": Text(
        "Your post gets no grant at once.", "Apply without emergency, or ask a holder of use.emergency_posts."
    ),
    "DG-USE-019": Text(
        "An emergency is for a few records by name, to be read: no selection, no copies, no earlier versions.",
        "Name the records, at most as many as in brackets; for more, apply without --emergency.",
    ),
    "DG-USE-020": Text(
        "Copying, printing or exporting this needs approval.",
        "Apply with copying; the approval of the client manager or the director goes with it.",
    ),
    "DG-USE-021": Text(
        "A grant is given on an approved application only.",
        "Apply for it: dangan use apply. For trials: use.direct_grants.",
    ),
    "DG-USE-022": Text("There is no such application.", "Look it up: dangan use list."),
    "DG-USE-023": Text(
        "The application is decided or over.", "See how it stands: dangan use show; if need be, apply again."
    ),
    "DG-USE-024": Text(
        "The contract is recorded with another party or date.", "Check the contract's reference: dangan use contracts."
    ),
    "DG-USE-030": Text(
        "The signature does not count: forged, altered, or by a key that nobody has.",
        "Have it signed anew with a registered key: dangan approve.",
    ),
    "DG-USE-031": Text(
        "The signer's key is not valid at this time.", "Have the signer register a new key, then sign anew."
    ),
    "DG-USE-032": Text("The signer's key is revoked.", "Have the signer register a new key, then sign anew."),
    "DG-USE-033": Text("Nobody decides on the own application.", "Have somebody else sign."),
    "DG-USE-034": Text(
        "What was signed is another application than this one.",
        "Fetch it anew with dangan use show --out, then sign that.",
    ),
    "DG-USE-035": Text("The signature is too old, or from the future.", "Sign anew; check the signer's clock."),
    "DG-USE-036": Text(
        "The signer has signed this application already: each step takes another person.",
        "Have a holder of the next post sign.",
    ),
    "DG-USE-037": Text(
        "The signer does not hold a post that this application needs.",
        "Have a holder of the next post sign; dangan use show names it.",
    ),
    "DG-USE-038": Text(
        "It is not this post's turn.", "Have the posts sign in their order; dangan use show names the next one."
    ),
    "DG-USE-039": Text(
        "The signer does not answer for these records.",
        "Have a holder of the post sign in whose department and scope they are.",
    ),
    "DG-USE-040": Text(
        "An endorsement holds one signature, of a person.", "Send each signature by itself: dangan use endorse."
    ),
    "DG-USE-041": Text("A rejection or an opinion without a reason.", "Give reason."),
    "DG-USE-042": Text(
        "This signature was counted before, under another command.", "Nothing to do; a new decision is signed anew."
    ),
    "DG-USE-043": Text("The application has too many opinions.", "Decide it."),
    "DG-USE-044": Text(
        "The applicant may not have a record that the application names.",
        "Do not approve it: reject it with a reason, or see what the policies say with dangan policy explain.",
    ),
    "DG-USE-045": Text(
        "An opinion or a rejection is sent by who signs it: its reason is not covered by the signature.",
        "Let the signer send it with an own key file.",
    ),
    "DG-USE-046": Text(
        "The stored application is not what was signed.",
        "Report it as an incident, unless it is from before an upgrade: somebody changed it in the database. Apply "
        "again.",
    ),
    "DG-USE-050": Text("You hold no such grant.", "Check the grant: dangan use list."),
    "DG-USE-051": Text("The use was given back before.", "Nothing to do; see: dangan use register."),
    "DG-USE-052": Text(
        "More copies are told of as destroyed or filed than were made.", "Count again: copies, destroyed, filed."
    ),
    "DG-USE-053": Text(
        "Fewer copies are told of than before.", "Count every copy that was made, also those told of before."
    ),
    "DG-USE-054": Text(
        "The working copy can no longer be opened: its use is over.",
        "Destroy the file and give the use back: dangan use give-back; apply again if it is needed.",
    ),
    "DG-USE-055": Text("The file is no working copy of this archive.", "Take a file that dangan use copy wrote."),
}
