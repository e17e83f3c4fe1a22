"""Sentences for incidents (泄露、毁损、丢失): reports, freezes, scope, notices, closing."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

INCIDENT_TEXTS: Final[dict[str, Text]] = {
    "DG-INC-001": Text(
        "Your access is suspended because of an incident.",
        "Ask those who answer for incidents (incident.responsible); reporting an incident stays possible.",
    ),
    "DG-INC-002": Text(
        "The record is frozen because of an incident.",
        "Ask those who answer for incidents (incident.responsible); it is read again after a thaw.",
    ),
    "DG-INC-003": Text(
        "Nothing is named that could be frozen.",
        "Name records, principals or departments; see: dangan incident freeze.",
    ),
    "DG-INC-004": Text(
        "The report has arrived, but your post may not freeze: nothing was frozen.",
        "One of incident.freeze_posts or incident.responsible freezes: dangan incident freeze.",
    ),
    "DG-INC-005": Text(
        "Your post does not answer for incidents.", "Ask a holder of one of the posts in incident.responsible."
    ),
    "DG-INC-006": Text("There is no such incident.", "Look it up: dangan incident list."),
    "DG-INC-007": Text(
        "Too many of your reports wait to be handled.",
        "Call those who answer for incidents; they take reports in hand with dangan incident take.",
    ),
    "DG-INC-008": Text("The incident is closed.", "Report a new one: dangan incident report."),
    "DG-INC-009": Text(
        "The incident is open, but no emergency plan is on file.",
        "Act without it now; then put its reference and version into incident.plan and incident.plan_version.",
    ),
    "DG-INC-010": Text(
        "Somebody who must be told of the incident has not been told.",
        "Tell them, then record it: dangan incident told; what is open: dangan incident notices.",
    ),
    "DG-INC-011": Text(
        "Something is still frozen under the incident.", "Have a thaw signed: dangan incident thaw --out FILE."
    ),
    "DG-INC-012": Text("It is not known yet who has read what.", "Work out the scope first: dangan incident scope."),
    "DG-INC-013": Text("What is named is not frozen under this incident.", "See what is: dangan incident show."),
    "DG-INC-014": Text(
        "Whoever is suspended by the incident does not decide about it.", "Have somebody else sign or act."
    ),
}
