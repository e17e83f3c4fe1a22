"""Media, copies, terminals (介质、复制件、终端): what they are, and what may happen to them.

Clauses STO-12 (ledger and loans), STO-13, STO-16 (condition and inspection), DES-08 (paper destroyed irreversibly),
DES-12 (discarded media wiped), STO-15 (witness videos), STO-17 (shared terminals).
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from schemas.registers import Lifecycle, Move

#: paper: a file, box or copy on paper. optical, drive, tape: electronic media. copy: a saved copy outside the archive.
#: video: a copy of a two-witness recording (双人见证视频).
MediumKind = Literal["paper", "optical", "drive", "tape", "copy", "video"]
CONDITIONS: Final = frozenset({"intact", "damaged"})
#: What makes paper irrecoverable; selling it as waste paper does not (不得当成废纸出售).
PAPER_METHODS: Final = frozenset({"shredded", "burned", "firm"})
ELECTRONIC_METHODS: Final = frozenset({"wiped", "degaussed", "shredded", "burned", "crushed", "firm"})
Method = Literal["burned", "crushed", "degaussed", "firm", "shredded", "wiped"]
METHODS: Final = frozenset(get_args(Method))
TARGETS: Final = frozenset({"store_disc", "headquarters_server"})

_HERE: Final = frozenset({"in_store", "faulty"})

MEDIA: Final = Lifecycle(
    name="media",
    first="register",
    moves={
        "register": Move(
            frozenset(),
            "in_store",
            frozenset({"location", "responsible", "condition"}),
            frozenset(
                {
                    "records", "holds", "encrypted", "encrypted_transfer", "cabinet", "keeper", "carrier",
                    "inspected_on", "target", "sha256", "file", "paper",
                }
            ),
            {"condition": CONDITIONS, "target": TARGETS},
        ),
        "move": Move(_HERE, None, frozenset({"location"}), frozenset({"responsible", "cabinet", "keeper"})),
        "lend": Move(frozenset({"in_store"}), "on_loan", frozenset({"borrower", "due", "purpose"})),
        "take_back": Move(
            frozenset({"on_loan", "lost"}), "in_store", frozenset({"condition"}), frozenset({"location"}),
            {"condition": CONDITIONS},
        ),
        "inspect": Move(
            _HERE, None, frozenset({"condition", "inspected_on"}), frozenset({"cabinet", "keeper", "carrier"}),
            {"condition": CONDITIONS},
        ),
        "fault": Move(frozenset({"in_store", "on_loan"}), "faulty", frozenset({"reason"})),
        "repair": Move(
            frozenset({"faulty"}), "in_store", frozenset({"condition"}), frozenset(), {"condition": CONDITIONS}
        ),
        "lose": Move(frozenset({"in_store", "on_loan", "faulty"}), "lost", frozenset({"reason"})),
        "discard": Move(_HERE, "discarded", frozenset({"reason"})),
        "destroy": Move(
            frozenset({"discarded", "in_store", "faulty"}),
            "destroyed",
            frozenset({"method", "evidence", "witness", "destroyed_on"}),
            frozenset({"order"}),
            {"method": METHODS},
            persons=frozenset({"witness"}),
        ),
        "give_back": Move(_HERE, "returned", frozenset({"receiver", "evidence"})),
    },
    over=frozenset({"destroyed", "returned"}),
)  # fmt: skip

#: Statements that a record has no paper counterpart.
ABSENCES: Final = Lifecycle(
    name="absences",
    first="state",
    moves={
        "state": Move(frozenset(), "stated", frozenset({"reason", "witness"}), persons=frozenset({"witness"})),
    },
    over=frozenset({"stated"}),
)

TERMINALS: Final = Lifecycle(
    name="terminals",
    first="register",
    moves={
        "register": Move(frozenset(), "in_use", frozenset({"zone", "shared", "responsible"})),
        "change": Move(frozenset({"in_use"}), None, frozenset(), frozenset({"zone", "shared", "responsible"})),
        "retire": Move(frozenset({"in_use"}), "retired", frozenset({"reason"})),
    },
    over=frozenset({"retired"}),
)


def methods_for(kind: str) -> frozenset[str]:
    """How a medium of that kind is destroyed beyond recovery (clauses DES-08, DES-12)."""
    return PAPER_METHODS if kind == "paper" else ELECTRONIC_METHODS
