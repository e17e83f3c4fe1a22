"""Whoever goes on trying while frozen, or without a grant, is told of by the detections (SEC-12)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.reading.refusals import refusal_of
from ops.detect.detector import Detector
from ops.detect.rules import load_detections
from ops.detect.seen import see
from schemas.audit import event_id, ocsf
from schemas.errors import Refusal
from tests.consumers.samples import NOW, RULES, access, principal, received

RULES_OF_ATTEMPTS = [rule for rule in load_detections() if rule.id in ("refused-attempt", "refusals-in-bulk")]


@pytest.mark.clause("SEC-12")
@given(st.sampled_from(["DG-INC-001", "DG-INC-002", "DG-ACC-001", "DG-CMD-004"]), st.integers(1, 40))
def test_refused_attempts_raise_alerts(code: str, times: int) -> None:
    """From the refusal that the worker makes, over the event that stands on the topic, to the alert."""
    detector, raised = Detector(RULES_OF_ATTEMPTS), set[str]()
    for number in range(times):
        command = access(record=f"rec-{number:04d}")
        asked = received(command, principal("per:clerk-7", kind="person"), at_ms=(NOW + number) * 1000)
        (fact,) = refusal_of(asked, Refusal(code), RULES.catalogue).facts
        event = see(ocsf(fact, event_id(fact)))
        assert event is not None
        raised |= {alert.rule.id for alert in detector.see(event) if alert.key == "per:clerk-7"}
        allowed = see(ocsf(replace(fact, allowed=True, code=None, actor="per:other-1"), f"allowed-{number}"))
        assert allowed is not None
        assert detector.see(allowed) == []
    assert raised == {"refused-attempt"} | ({"refusals-in-bulk"} if times > 20 else set())
