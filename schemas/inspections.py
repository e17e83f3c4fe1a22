"""Inspections (检查): the kinds there are, the registers beside them, and what may follow what in each.

Clauses AUD-03 to AUD-14. What a program can find out is a run of a kind (store/inspections.py); what people do and
decide is an entry of a register: samples, rectification notices, reviews, evaluations, terms of trade.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from schemas.registers import Lifecycle, Move

#: inventory 清查, full_check 年初全面检查, integrity 完整性检查, access_review 访问日志检查, timeliness 时效性检查,
#: secrecy 保密监督, evaluation 客户档案评估, sample 抽查.
RunKind = Literal[
    "inventory", "full_check", "integrity", "sample", "access_review", "timeliness", "secrecy", "evaluation"
]
RUN_KINDS: Final[tuple[RunKind, ...]] = get_args(RunKind)
#: special_audit 专项审计, internal and external 内部、外部审查, risk_assessment 风险评估, secrecy 保密检查.
ReviewKind = Literal["special_audit", "internal_review", "external_review", "risk_assessment", "secrecy"]
REVIEW_KINDS: Final[tuple[ReviewKind, ...]] = get_args(ReviewKind)
RESULTS: Final = frozenset({"in_order", "findings"})
#: 现金结算 or not (clause AUD-14): what is not cash takes a signature.
TERMS_OF_TRADE: Final = frozenset({"cash", "credit", "instalments", "acceptance"})

#: A rectification notice (整改通知书, AUD-10): to a named owner, with a deadline, until somebody else has confirmed it.
RECTIFICATIONS: Final = Lifecycle(
    name="rectifications",
    first="open",
    moves={
        "open": Move(
            frozenset(), "open", frozenset({"owner", "due", "problem"}), frozenset({"inspection", "subject"}),
        ),
        "extend": Move(frozenset({"open"}), None, frozenset({"due", "reason"})),
        "reassign": Move(frozenset({"open"}), None, frozenset({"owner", "reason"})),
        "answer": Move(frozenset({"open"}), "answered", frozenset({"result"}), frozenset({"evidence"})),
        "return": Move(frozenset({"answered"}), "open", frozenset({"reason"}), not_by=frozenset({"answer"})),
        "close": Move(
            frozenset({"answered"}), "closed", frozenset({"confirmed"}), not_by=frozenset({"answer"})
        ),
    },
    over=frozenset({"closed"}),
)  # fmt: skip

#: A random sample (随机抽取, AUD-07): committed to before it is drawn, each record of it examined, then closed.
SAMPLES: Final = Lifecycle(
    name="samples",
    first="commit",
    moves={
        "commit": Move(frozenset(), "committed", frozenset({"commitment", "share"})),
        "draw": Move(frozenset({"committed"}), "drawn", frozenset({"seed", "population", "size", "sha256"})),
        "close": Move(frozenset({"drawn"}), "closed", frozenset({"incomplete", "inspection"})),
    },
    over=frozenset({"closed"}),
)

#: Audits, reviews, risk assessments and checks of secrecy that people made (AUD-11, AUD-12, AUD-13).
REVIEWS: Final = Lifecycle(
    name="reviews",
    first="register",
    moves={
        "register": Move(
            frozenset(),
            "registered",
            frozenset({"on", "report", "result"}),
            frozenset({"findings", "sha256", "sensitive_fields", "users", "recipients", "outsourced", "controls"}),
            {"result": RESULTS, "controls": frozenset({"sufficient", "insufficient"})},
        ),
    },
    over=frozenset({"registered"}),
)

#: What was found of one record of a sample: whether there is a record of every key business step (AUD-07).
EXAMINATIONS: Final = Lifecycle(
    name="examinations",
    first="examine",
    moves={
        "examine": Move(
            frozenset(), "examined", frozenset({"sample", "record", "result"}), frozenset({"missing", "note"}),
            {"result": frozenset({"complete", "incomplete"})},
        ),
    },
    over=frozenset({"examined"}),
)  # fmt: skip

#: Evaluations of customers' archives (客户档案评估, AUD-14): made, passed on to the marketing manager, taken note of.
EVALUATIONS: Final = Lifecycle(
    name="evaluations",
    first="evaluate",
    moves={
        "evaluate": Move(frozenset(), "evaluated", frozenset({"customer", "result", "on"}), frozenset({"report"})),
        "pass_on": Move(frozenset({"evaluated"}), "passed_on", frozenset({"manager"})),
        "take_note": Move(frozenset({"passed_on"}), "noted", not_by=frozenset({"evaluate"})),
    },
    over=frozenset({"noted"}),
)

_TERMS: Final = {"terms": TERMS_OF_TRADE}
#: On which terms customers trade (AUD-14); other terms than cash need a signature (签字程序), new terms a new one.
TERMS: Final = Lifecycle(
    name="terms",
    first="state",
    moves={
        "state": Move(frozenset(), "stated", frozenset({"terms"}), words=_TERMS),
        "change": Move(frozenset({"stated", "signed"}), "stated", frozenset({"terms"}), words=_TERMS),
        "sign_off": Move(frozenset({"stated"}), "signed", frozenset({"document"}), not_by=frozenset({"state"})),
    },
    over=frozenset(),
)
