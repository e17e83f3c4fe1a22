"""Sentences for custody (保管): media, copies, terminals, auxiliary systems."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

CUSTODY: Final[dict[str, Text]] = {
    "DG-MED-001": Text(
        "That does not destroy such a medium beyond recovery.",
        "Use one of the methods in brackets; paper is shredded, burned or given to a firm, never sold as waste paper.",
    ),
    "DG-MED-002": Text(
        "A witness video is registered with where it stands.", "Give --target store_disc or headquarters_server."
    ),
    "DG-MED-010": Text(
        "The terminal is registered as shared: nothing is left on it.",
        "Read without saving, or save at a terminal of your own.",
    ),
    "DG-MED-011": Text(
        "Customer information is saved at registered terminals only, and this one is none.",
        "Name the terminal in the settings, and have it registered: dangan custody terminal.",
    ),
    "DG-MED-020": Text(
        "The list of an auxiliary system cannot be read.",
        "Give a CSV file with a header or JSON Lines, in UTF-8, and name the column with --column.",
    ),
}
