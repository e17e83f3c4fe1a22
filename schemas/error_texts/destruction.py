"""Sentences for destruction (销毁): applications, grounds, what keeps a record, confirmation."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

DESTRUCTION: Final[dict[str, Text]] = {
    "DG-DES-020": Text(
        "The destruction application lacks something that it must state.",
        "Add what the field names: dangan destroy prepare asks for all of it. It must be signed anew.",
    ),
    "DG-DES-021": Text(
        "The application is for another number of records than it names.",
        "Count again, and have the corrected request signed.",
    ),
    "DG-DES-022": Text(
        "The method is not one that this archive accepts.",
        "Use a method of destroy.electronic_methods; key destruction reaches every copy.",
    ),
    "DG-DES-023": Text(
        "Who applied for the destruction would carry it out.", "Let another person of the archive department send it."
    ),
    "DG-DES-024": Text(
        "One person acts in two roles of the destruction.",
        "Applicant, approvers, executor and witness must each be another person, with keys of their own.",
    ),
    "DG-DES-025": Text(
        "The applicant has not signed the application.",
        "Let the applicant sign it: dangan approve REQUEST --action apply-destroy.",
    ),
    "DG-DES-026": Text(
        "The witness has not signed the request.",
        "Let the witness sign it: dangan approve REQUEST --action witness-destroy.",
    ),
    "DG-DES-027": Text(
        "The destruction has no witness, or one without such a post.",
        "Name a second person with one of destroy.witness_roles as the witness.",
    ),
    "DG-DES-028": Text(
        "A post whose approval the destruction takes has not signed.",
        "Collect the approvals of the posts in brackets, each of another person.",
    ),
    "DG-DES-029": Text(
        "This archive does not destroy on that ground.",
        "Use one of the grounds in brackets, or add it to destroy.grounds.",
    ),
    "DG-DES-030": Text(
        "The retention period of a record has not ended.",
        "See when it ends: dangan retention show RECORD. Ask again then, or state another ground.",
    ),
    "DG-DES-031": Text(
        "The application does not state that no business needs the records any more.",
        "Find out, then state it: dangan destroy prepare --no-need.",
    ),
    "DG-DES-032": Text(
        "A need to keep a record is on the books.",
        "Ask who recorded it; once it is lifted, ask again: dangan destroy need list.",
    ),
    "DG-DES-033": Text(
        "Law keeps a record for longer than the request asks.",
        "Tell who asked the legal ground and the day in brackets: dangan destroy erasure refuse.",
    ),
    "DG-DES-034": Text(
        "The retention period of a record was extended by signatures.",
        "Wait until the day in brackets, or see who extended it and why: dangan retention show RECORD.",
    ),
    "DG-DES-040": Text("The destruction is not known.", "List them with: dangan destroy jobs."),
    "DG-DES-044": Text(
        "A record that somebody needs is destroyed, or its destruction has begun, or there is no such record.",
        "The need was not recorded. Check the ids; see what happened with dangan destroy jobs --all.",
    ),
    "DG-DES-041": Text(
        "The destruction is not finished: it cannot be confirmed yet.",
        "Do what is named first: dangan destroy jobs shows it.",
    ),
    "DG-DES-042": Text(
        "A record of the destruction could still be read.",
        "Do not confirm it. Sweep all roots, look at the places named, and report an incident if it stays so.",
    ),
    "DG-DES-043": Text(
        "Who carried the destruction out, or applied for it, cannot confirm it.", "Let somebody else confirm it."
    ),
}
