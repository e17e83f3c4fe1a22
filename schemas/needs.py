"""Recorded needs to keep records (仍需使用的登记, clause DES-01): while one stands, nothing destroys the record."""

from __future__ import annotations

from typing import Final

from schemas.registers import Lifecycle, Move

NEEDS: Final = Lifecycle(
    name="needs",
    first="record",
    moves={
        "record": Move(frozenset(), "standing", frozenset({"reason", "department"}), frozenset({"until"})),
        "lift": Move(frozenset({"standing"}), "lifted", frozenset({"reason"})),
    },
    over=frozenset({"lifted"}),
)

#: Customers' requests for deletion (客户要求删除, clause DES-03): started with, or refused with its legal ground.
ERASURES: Final = Lifecycle(
    name="erasures",
    first="receive",
    moves={
        "receive": Move(frozenset(), "open", frozenset({"subject", "received"}), frozenset({"records", "due"})),
        "refuse": Move(
            frozenset({"open"}),
            "refused",
            frozenset({"ground", "reference"}),
            frozenset({"until"}),
            {"ground": frozenset({"law", "contract", "legal_hold", "need"})},
        ),
        "begin": Move(frozenset({"open", "refused"}), "begun", frozenset({"order"})),
    },
    over=frozenset({"refused", "begun"}),
)

#: Confirmations after destruction (销毁确认, clause DES-09), and what else closes a job.
CONFIRMATIONS: Final = Lifecycle(
    name="confirmations",
    first="confirm",
    moves={
        "confirm": Move(
            frozenset(), "confirmed", frozenset({"records", "live", "copies", "certificate", "executor"}),
        ),
    },
    over=frozenset({"confirmed"}),
)  # fmt: skip
