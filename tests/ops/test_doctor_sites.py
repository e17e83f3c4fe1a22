"""Whether a site may be lost: what the doctor says of where servers stand, and of what counts as written."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest

from ops.doctor.findings import Finding
from ops.doctor.sites import Brokers, Members, judge_brokers, judge_members
from ops.rules import load_rules

pytestmark = pytest.mark.clause("STO-09")

STRICT = load_rules().book.deployment
TRIAL = load_rules(profile="trial").book.deployment
TWO = ("sh", "sh", "bj", "bj")


def brokers(racks: Sequence[str | None] = TWO, spread: int = 2, copies: int = 4, least: int = 2) -> Brokers:
    return Brokers(racks, {"t": spread}, {"t": copies}, {"t": least})


def wrongs(findings: list[Finding]) -> list[str]:
    return [each.check for each in findings if each.verdict != "ok"]


def test_the_strictest_rules_demand_two_sites_and_two_copies_before_a_write_counts() -> None:
    assert (STRICT.sites, STRICT.replication, STRICT.min_insync) == (2, 3, 2)


def test_kafka_over_two_sites_is_good_and_anything_less_is_told() -> None:
    assert wrongs(judge_brokers(brokers(), STRICT)) == []
    assert wrongs(judge_brokers(brokers(racks=("sh", "sh")), STRICT)) == ["sites of Kafka"]
    assert wrongs(judge_brokers(brokers(racks=("sh", "bj", None)), STRICT)) == ["sites of Kafka"]
    assert wrongs(judge_brokers(brokers(copies=1, spread=1), STRICT)) == ["copies of topics"]
    assert wrongs(judge_brokers(brokers(spread=1), STRICT)) == ["copies of topics"]
    assert wrongs(judge_brokers(brokers(least=1), STRICT)) == ["acknowledged writes"]
    single = brokers(racks=(None,), spread=0, copies=1, least=1)
    assert wrongs(judge_brokers(single, TRIAL)) == []
    assert len(wrongs(judge_brokers(single, STRICT))) == 3


def test_mongodb_outlives_a_site_only_with_a_third_place_that_votes() -> None:
    assert wrongs(judge_members(Members(TWO, (*TWO, "hz")), STRICT)) == []
    assert wrongs(judge_members(Members(TWO, TWO), STRICT)) == ["majority of MongoDB"]
    assert wrongs(judge_members(Members(("sh", "sh", "bj"), ("sh", "sh", "bj")), STRICT)) == ["majority of MongoDB"]
    assert wrongs(judge_members(Members((None,), (None,)), STRICT)) == ["sites of MongoDB"]
    assert wrongs(judge_members(Members((None,), (None,)), TRIAL)) == []


@pytest.mark.parametrize("sites", list(product(("sh", "bj", "hz"), repeat=5)))
def test_what_is_called_good_has_a_majority_left_whatever_site_is_lost(sites: tuple[str, ...]) -> None:
    found = judge_members(Members(sites, sites), STRICT)
    left = min(len(sites) - sites.count(lost) for lost in set(sites))
    assert (wrongs(found) == []) == (len(set(sites)) >= 2 and left > len(sites) / 2)
