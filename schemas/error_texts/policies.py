"""Policies in Cedar: DG-POL-001 to 029."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

POLICIES: Final = {
    "DG-POL-001": Text(
        "A policy cannot be read as Cedar.",
        "Correct the policy at the file and line named; docs/policies.md shows how one is written.",
    ),
    "DG-POL-002": Text(
        "A policy has no id or no clause, or one that is written wrongly.",
        'Begin it with @id("small-letters-and-hyphens") and @clause("SEC-03"), several clauses with commas.',
    ),
    "DG-POL-003": Text(
        "Two policies have the same id.",
        "Give one of them another @id; the places of both are named.",
    ),
    "DG-POL-004": Text(
        "There are no policies, or more than can be used.",
        "Keep 1 to 1000 policies in the files policies/cedar/*.cedar, each of at most 262144 bytes.",
    ),
    "DG-POL-005": Text(
        "A policy cannot be evaluated, so nothing is permitted.",
        "Tell whoever keeps the policies: dangan policy test names the policy.",
    ),
    "DG-POL-006": Text(
        "A policy does not fit the schema.",
        "Use the attributes and actions of policies/cedar/archive.cedarschema; dangan policy show lists policies.",
    ),
    "DG-POL-007": Text(
        "The schema of the policies cannot be used.",
        "Correct policies/cedar/archive.cedarschema at the word named in the detail.",
    ),
    "DG-POL-010": Text(
        "A row of the policy tests cannot be used.",
        "Correct the row named; policies/tests and docs/policies.md show what a row holds.",
    ),
    "DG-POL-011": Text(
        "The policies answer otherwise than the tests expect.",
        "Look at the rows marked in the table; dangan policy explain says which policy decided.",
    ),
    "DG-POL-012": Text(
        "The description of the principal or record cannot be used.",
        "Name a registered principal or a JSON file, and attributes as name=value; see dangan policy explain --help.",
    ),
    "DG-POL-013": Text(
        "There is no such profile.",
        "dangan profile list shows those there are; set one as profile in dangan.toml, or leave it out: the strictest.",
    ),
    "DG-POL-014": Text(
        "There is no such setting in the rule book.",
        "dangan profile compare without a setting lists those in which the profiles differ.",
    ),
    "DG-POL-015": Text(
        "A profile names articles for other settings than its rules have.",
        "Name under follows in its profile.toml exactly the settings of its rules.toml; the detail lists the others.",
    ),
}
