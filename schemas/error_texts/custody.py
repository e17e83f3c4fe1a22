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
    "DG-MED-020": Text(
        "The list of an auxiliary system cannot be read.",
        "Give a CSV file with a header or JSON Lines, in UTF-8, and name the column with --column.",
    ),
}
