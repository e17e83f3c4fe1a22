"""Sentences for inspections (检查): runs, samples, door logs, rectification notices, evidence."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

INSPECTIONS: Final[dict[str, Text]] = {
    "DG-INS-001": Text(
        "No inspection has this id.", "List what there is with dangan inspect list, and copy the id from there."
    ),
    "DG-INS-002": Text("The integrity check stopped before its end.", "Run it again: it goes on where it stopped."),
    "DG-INS-010": Text("The file for the seed is there already, and a seed is never used again.", "Name a new file."),
    "DG-INS-011": Text(
        "The seed is not the one that was committed to, so nothing is drawn.",
        "Give the file that dangan inspect sample commit wrote for this sample; if it is lost, begin a new sample.",
    ),
    "DG-INS-012": Text(
        "There was no archived record when the sample was committed to.", "Begin a new sample once there are some."
    ),
    "DG-INS-013": Text("The sample is larger than one may be.", "Draw a smaller share; at least 10 percent."),
    "DG-INS-014": Text(
        "The files of the drawing cannot be read.",
        "Keep the drawing and its list of the population together, with the names that they were written with.",
    ),
    "DG-INS-015": Text(
        "The record does not belong to the sample.", "See which were drawn with dangan inspect sample show."
    ),
    "DG-INS-016": Text(
        "Not every record of the sample is examined yet.",
        "Record what was found of each with dangan inspect sample record; those with every step: --all-complete.",
    ),
    "DG-INS-020": Text(
        "The door log cannot be read, or a line of it is wrong.",
        "Give a CSV file in UTF-8 with the columns at, person, door, grant; times with offset; references, not names.",
    ),
    "DG-INS-030": Text(
        "Nobody is registered as the owner of the notice.", "Name a principal that dangan admin principal list shows."
    ),
    "DG-INS-031": Text("The deadline has passed already.", "Give a later day."),
    "DG-INS-032": Text(
        "Only the owner of the notice answers it.", "Let the owner answer, or give it to another with reassign."
    ),
    "DG-INS-033": Text(
        "The owner of a notice does not confirm its result.", "Let somebody else look at the result and close it."
    ),
    "DG-INS-040": Text("The folder for the evidence is not empty.", "Name a new folder."),
    "DG-INS-041": Text(
        "There is no manifest that can be read in this folder.",
        "Give the whole folder as dangan inspect evidence wrote it.",
    ),
    "DG-INS-042": Text(
        "The evidence is not as it was signed.", "Do not rely on it; get it again from where it was made."
    ),
    "DG-INS-043": Text(
        "The drawing of the sample is not right.", "Do not rely on it; report it, and draw a new sample."
    ),
}
