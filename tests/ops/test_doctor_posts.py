"""Posts that the rules name and nobody holds: told before somebody waits for a signature that cannot come."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.doctor import posts
from ops.doctor.posts import chains_of, groups_of, unheld
from schemas.principals import Principal
from schemas.rule_tables.incident import CONCERNED, SUPERIOR
from schemas.rulebook import RuleBook
from tests.consumers.samples import principal

BOOK = RuleBook()
ADDRESSEES = [post for post in BOOK.incident.addressees if post not in (SUPERIOR, CONCERNED)]
NAMED = {post for _, chain in (*chains_of(BOOK), *groups_of(BOOK)) for post in chain} | {*ADDRESSEES}


def staff(*roles: str) -> list[Principal]:
    """A person of its own for each post, two for what signs twice."""
    return [principal(f"per:{number}-{role}", role, kind="person") for role in roles for number in range(2)]


def test_where_everybody_is_there_nothing_is_missing() -> None:
    assert unheld(BOOK, staff(*NAMED)) == {}


@pytest.mark.clause("SEC-11")
@pytest.mark.parametrize("post", sorted({post for _, chain in chains_of(BOOK) for post in chain} | {*ADDRESSEES}))
def test_a_post_that_nobody_holds_is_named_with_the_rules_that_ask_for_it(post: str) -> None:
    missing = unheld(BOOK, staff(*NAMED - {post}))
    asked = [name for name, chain in chains_of(BOOK) if post in chain]
    asked += ["incident.addressees"] if post in ADDRESSEES else []
    assert missing[post] == asked
    assert unheld(BOOK, [*staff(*NAMED - {post}), principal("per:late", post, active=False)])[post] == asked


def test_of_a_group_one_is_enough() -> None:
    for setting, group in groups_of(BOOK):
        others = staff(*NAMED - {*group})
        assert setting in unheld(BOOK, others)[" or ".join(group)]
        assert all(setting not in asked for asked in unheld(BOOK, [*others, *staff(group[-1])]).values())


def test_one_person_is_not_two_signatures() -> None:
    chain = BOOK.approval.seal
    others = [each for each in staff(*NAMED) if each.roles.isdisjoint(chain)]
    both = principal("per:both", *chain, kind="person")
    missing = unheld(BOOK, [*others, both])
    assert "approval.seal" in missing[f"2 different persons for {', '.join(chain)}"]
    assert all("approval.seal" not in asked for asked in unheld(BOOK, [*others, both, *staff(chain[0])]).values())


PEOPLE = st.lists(st.frozensets(st.sampled_from("abcd")), max_size=5)


@given(PEOPLE, st.lists(st.sampled_from("abcd"), max_size=4))
def test_as_many_can_sign_as_the_best_assignment_has(people: list[frozenset[str]], chain: list[str]) -> None:
    holders = {post: {f"p{number}" for number, roles in enumerate(people) if post in roles} for post in "abcd"}
    every = [*range(len(people)), *[None] * len(chain)]
    best = max(
        sum(person is not None and post in people[person] for post, person in zip(chain, order, strict=False))
        for order in permutations(every, len(chain))
    )
    assert posts._persons(chain, holders) == best


def test_what_the_rules_do_not_ask_for_is_not_missed() -> None:
    rules = {"people": {"reviewers": [], "approval": []}, "destroy": {"witness_roles": []}, "approval": {"destroy": []}}
    missing = unheld(RuleBook.model_validate(rules), staff(*NAMED - {"approver"}))
    assert missing == {"approver": ["approval.destroy"]}
    one = [*staff(*NAMED - {"approver"}), principal("per:one", "approver", kind="person")]
    assert unheld(RuleBook.model_validate(rules), one) == {
        "2 different persons for approver, approver": ["approval.destroy"]
    }
    never = RuleBook.model_validate({"people": {"review_months": 0}})
    assert "people.reviewers" not in {name for asked in unheld(never, []).values() for name in asked}
