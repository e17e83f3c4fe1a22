"""Confidentiality agreements with recipients (保密协议, SHR-04) as entries of a register.

``fields`` and ``purposes`` are its scope, ``*`` for every one; ``duties`` the recipient's; ``encrypts_at_rest`` how the
recipient stores what it gets, in a word (SHR-07).
"""

from __future__ import annotations

from typing import Final

from schemas.registers import Lifecycle, Move

#: Confidentiality agreements (保密协议, SHR-04): with whom, for which fields and purposes, which duties, until when.
AGREEMENTS: Final = Lifecycle(
    name="agreements",
    first="sign",
    moves={
        "sign": Move(
            frozenset(),
            "in_force",
            frozenset({"recipient", "fields", "purposes", "duties", "signed_on", "until", "document"}),
            frozenset({"encrypts_at_rest"}),
        ),
        "end": Move(frozenset({"in_force"}), "ended", frozenset({"reason"})),
    },
    over=frozenset({"ended"}),
)
