"""What a sweep or a restore meets after the loss of a database, or of the right time: DG-DES-060 to 069."""

from __future__ import annotations

from typing import Final

from schemas.error_texts.text import Text

SWEEPING: Final = {
    "DG-DES-060": Text(
        "Vault refuses key versions that it still has: the database was lost between a sweep's rehearsal and its trim.",
        "Set the root's min_decryption_version in Vault back to the version in brackets, restore again, then sweep.",
    ),
    "DG-DES-061": Text(
        "This sweeper's clock is behind that of the sweeper that began, so certificates would contradict themselves.",
        "Set the clock, then run dangan sweep again. Nothing was destroyed.",
    ),
}
