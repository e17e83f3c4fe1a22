"""Signatures of posts: each post by another person, in order, over exactly this request; every other way is refused."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.approvals import Post, signed_by, signers
from keys.principal_keys import PrincipalKeys
from ops.commands.approve import sign_approval
from schemas.approvals import ACTIONS_OF
from schemas.commands import Confirm, HandOver, Signable
from schemas.errors import Refusal
from schemas.principals import Principal, PublicKey
from schemas.staff import StaffDocument
from tests.consumers.samples import NOW, RULES, principal

SENDER = "sys:crm"
POSTS = ("market_supervision", "sales_director")
ROLES = {
    "per:m": ("market_supervision",), "per:s": ("sales_director",), "per:both": POSTS, "per:r": ("reader",),
    "per:admin": ("market_supervision", "administrator"), "per:d": ("deliverer",), "per:a": ("archivist",),
    SENDER: ("market_supervision", "deliverer"),
}  # fmt: skip
HAND_OVER = (Post("hand-over", "deliverer"), Post("take-over", "archivist"))


class People:
    """Registered people with their keys."""

    def __init__(self) -> None:
        self.keys = {name: PrincipalKeys.generate(name) for name in ROLES}
        self.principals: dict[str, Principal] = {}
        for name, roles in ROLES.items():
            keys = self.keys[name].signing
            signing = PublicKey(keys.kid, keys.x, NOW - 1000, NOW + 1000)
            who = principal(name, *roles, kind="person")
            self.principals[name] = replace(who, signing_keys=(signing,))

    def principal(self, name: str) -> Principal | None:
        return self.principals.get(name)

    def signer(self, kid: str) -> tuple[str, PublicKey] | None:
        for name, who in self.principals.items():
            if key := who.signing_key(kid):
                return name, key
        return None


PEOPLE = People()


def confirm(*by: str, ats: tuple[int, ...] = (), requester: str = SENDER, **changes: Any) -> Confirm:
    members = {"id": str(uuid.uuid4()), "type": "confirm", "records": ("rec-0001",), "approvals": ()}
    command = Confirm.model_validate(members)
    times = ats or (NOW,) * len(by)
    tokens = tuple(
        sign_approval(command, requester, PEOPLE.keys[name], now=at) for name, at in zip(by, times, strict=True)
    )
    return command.model_copy(update={"approvals": tokens, **changes})


def signed(command: Confirm, *, people: Any = PEOPLE, posts: tuple[str, ...] = POSTS) -> tuple[str, ...]:
    found = signers(
        command,
        action="confirm-archive",
        requester=SENDER,
        posts=posts,
        directory=people,
        authorizer=RULES.authorizer,
        now=NOW,
    )
    return tuple(who.id for who in found)


def code(command: Confirm, **kwargs: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        signed(command, **kwargs)
    return refusal.value.code


@pytest.mark.clause("COL-11")
def test_each_post_is_signed_for_by_another_person() -> None:
    assert signed(confirm("per:s", "per:m")) == ("per:m", "per:s")
    assert signed(confirm("per:both", "per:m")) == ("per:m", "per:both")
    assert signed(confirm("per:both", "per:s")) == ("per:both", "per:s")


@pytest.mark.clause("COL-11")
def test_one_person_fills_one_post() -> None:
    for by in ((), ("per:m",), ("per:both",), ("per:both", "per:both"), ("per:m", "per:m")):
        assert code(confirm(*by)) == "DG-APR-001", by


def test_without_posts_nobody_has_to_sign() -> None:
    assert signed(confirm(), posts=()) == ()


@pytest.mark.clause("COL-11")
def test_the_posts_sign_in_their_order() -> None:
    assert signed(confirm("per:s", "per:m", ats=(NOW, NOW - 5))) == ("per:m", "per:s")
    assert code(confirm("per:m", "per:s", ats=(NOW, NOW - 5))) == "DG-APR-007"
    # Who holds both posts acts where the order allows it.
    assert signed(confirm("per:both", "per:m", ats=(NOW, NOW - 5))) == ("per:m", "per:both")


def test_who_holds_no_post_spoils_the_request() -> None:
    for other in ("per:r", "per:admin", "per:d"):
        assert code(confirm("per:m", "per:s", other)) == "DG-APR-005", other


def test_the_requester_signs_nothing_of_the_own_request() -> None:
    assert code(confirm(SENDER, "per:s")) == "DG-APR-003"


def test_a_signature_covers_exactly_one_request() -> None:
    assert code(confirm("per:m", "per:s", records=("rec-0002",))) == "DG-APR-004"
    assert code(confirm("per:m", "per:s", requester="sys:other")) == "DG-APR-004"


def test_signatures_grow_old_and_keys_end() -> None:
    assert code(confirm("per:m", "per:s", ats=(NOW - 31 * 86400, NOW))) == "DG-APR-002"  # the key was not valid then
    long = People()
    for name, who in long.principals.items():
        long.keys[name] = PEOPLE.keys[name]
        old = replace(PEOPLE.principals[name].signing_keys[0], not_before=0)
        long.principals[name] = replace(who, signing_keys=(old,))
    assert code(confirm("per:m", "per:s", ats=(NOW - 31 * 86400, NOW)), people=long) == "DG-APR-006"
    assert code(confirm("per:m", "per:s", ats=(NOW, NOW + 301))) == "DG-APR-006"
    ended = People()
    ended.principals = dict(PEOPLE.principals)
    gone = replace(PEOPLE.principals["per:m"].signing_keys[0], revoked_at=NOW - 1)
    ended.principals["per:m"] = replace(PEOPLE.principals["per:m"], signing_keys=(gone,))
    assert code(confirm("per:m", "per:s"), people=ended) == "DG-APR-002"
    ended.principals["per:m"] = replace(PEOPLE.principals["per:m"], active=False)
    assert code(confirm("per:m", "per:s"), people=ended) == "DG-APR-005"


def test_an_action_is_not_another() -> None:
    command = confirm("per:m")
    as_merge = sign_approval(command, SENDER, PEOPLE.keys["per:s"], now=NOW, action="merge")
    assert code(command.model_copy(update={"approvals": (*command.approvals, as_merge)})) == "DG-APR-002"
    for token in ("x", "a.b.c", command.approvals[0][:-4] + "AAAA"):
        assert code(command.model_copy(update={"approvals": (token,)})) == "DG-APR-002"


@pytest.mark.clause("COL-18")
def test_each_side_of_a_hand_over_signs_its_own_action() -> None:
    members = {"id": str(uuid.uuid4()), "type": "hand_over", "records": ("rec-0001",), "approvals": ()}
    command = HandOver.model_validate(members)

    def outcome(*by: tuple[str, Any], requester_signs: bool = True) -> Any:
        tokens = tuple(sign_approval(command, SENDER, PEOPLE.keys[who], now=NOW, action=what) for who, what in by)
        try:
            found = signed_by(
                command.model_copy(update={"approvals": tokens}),
                HAND_OVER,
                requester=SENDER,
                directory=PEOPLE,
                authorizer=RULES.authorizer,
                now=NOW,
                requester_signs=requester_signs,
            )
        except Refusal as refusal:
            return refusal.code
        return tuple(who.id for who in found)

    over, take = ("per:d", "hand-over"), ("per:a", "take-over")
    assert outcome(over, take) == outcome(take, over) == ("per:d", "per:a")
    assert outcome((SENDER, "hand-over"), take) == (SENDER, "per:a")
    assert outcome((SENDER, "hand-over"), take, requester_signs=False) == "DG-APR-003"
    assert outcome(over) == outcome(take) == outcome() == "DG-APR-001"
    assert outcome(("per:a", "hand-over"), ("per:d", "take-over")) == "DG-APR-005"
    assert outcome(over, ("per:s", "take-over")) == "DG-APR-005"


@given(by=st.lists(st.sampled_from(sorted(set(ROLES) - {SENDER})), max_size=4), posts=st.permutations(POSTS))
def test_never_without_a_distinct_holder_of_each_post(by: list[str], posts: list[str]) -> None:
    try:
        found = signed(confirm(*by), posts=tuple(posts))
    except Refusal:
        return
    assert len(set(found)) == len(posts)
    assert set(found) <= set(by)
    assert all(post in ROLES[who] for who, post in zip(found, posts, strict=True))


def test_every_command_that_people_sign_has_an_action() -> None:
    documents = {each.model_fields["type"].default for each in get_args(StaffDocument)}
    assert (
        set(ACTIONS_OF)
        == {get_args(each.model_fields["type"].annotation)[0] for each in get_args(Signable)} | documents
    )
