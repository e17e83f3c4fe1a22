"""Backups, the places that take them, and the drill: DG-BAK-020 to 059."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

BACKUPS: Final = {
    "DG-BAK-020": Text(
        "The place is not on the list of approved places, so nothing is written there.",
        "List it in HOME/places.toml, once those who answer for the archive have approved it.",
    ),
    "DG-BAK-021": Text(
        "The place is listed but not approved, so nothing is written there.",
        "Have it approved and set approved = true in HOME/places.toml, or name another place.",
    ),
    "DG-BAK-022": Text(
        "The place is a removable drive or a person's own folder; customer information is never written there.",
        "Use a company server or an approved cloud storage.",
    ),
    "DG-BAK-023": Text(
        "The place is at the site of the primary store, or at no known site; a backup there would be lost with it.",
        "Name a place at another site, with site in HOME/places.toml; the file's own site says where the store is.",
    ),
    "DG-BAK-024": Text(
        "The place is not encrypted.",
        "Use encrypted storage and say so with encrypted = true in HOME/places.toml.",
    ),
    "DG-BAK-025": Text(
        "The list of approved places cannot be used.",
        "Correct HOME/places.toml as docs/backup.md shows.",
    ),
    "DG-BAK-026": Text(
        "There are fewer backup places than the rules demand.",
        "Add places to HOME/places.toml, or see backup.places in the rules.",
    ),
    "DG-BAK-027": Text(
        "A place does not answer, or does not give back what was written.",
        "Bring the place back, then run the command again: it goes on with what is missing.",
    ),
    "DG-BAK-028": Text(
        "The backup is not in every place.",
        "Bring the missing place back and run dangan backup run again: it copies the backup there.",
    ),
    "DG-BAK-029": Text(
        "A backup that this one rests on is missing.",
        "Bring it back, or restore an older chain: dangan backup list shows them.",
    ),
    "DG-BAK-030": Text(
        "A backup's file was cut short or altered.",
        "Use the copy in another place, or an older chain, and find out who changed it.",
    ),
    "DG-BAK-031": Text(
        "There is no such backup in the places.",
        "dangan backup list shows what there is.",
    ),
    "DG-BAK-033": Text(
        "The rules allow no plain copy of the data.",
        "Run dangan backup run, which seals what it writes.",
    ),
    "DG-BAK-034": Text(
        "The object storage cannot be used.",
        "Check bucket, endpoint and the credentials file in HOME/places.toml; the file needs mode 600.",
    ),
    "DG-BAK-035": Text(
        "Backups are overdue or failed.",
        "Run dangan backup run, and find out why the scheduled one did not.",
    ),
    "DG-BAK-036": Text(
        "The drill found that the backup does not restore as it must.",
        "Keep its report, and treat it as an incident: dangan drill list shows what was found.",
    ),
    "DG-BAK-037": Text(
        "The folder to write into is not empty.",
        "Name a new folder.",
    ),
    "DG-BAK-038": Text(
        "A simulated restore is overdue.",
        "Run dangan drill run.",
    ),
    "DG-BAK-039": Text(
        "There is no backup to restore from yet.",
        "Run dangan backup run first.",
    ),
}
