"""What bounds every kind of read: the declared purpose, the one customer of a portal, restricted readers, masks; and
what a refusal must not tell."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.levels import Level
from schemas.principals import Grant
from schemas.rulebook import RuleBook
from store.record import Record
from tests.consumers.samples import NOW, RULES, access, browse, grant, principal, search
from tests.simulators.reading import Shelves, stored

CLERK = principal("per:clerk-7", "reader", kind="person")
VALUES = {"name": "张三丰", "phone": "+8613800138000", "city": "Suzhou", "email": "zhang@example.org"}
PURPOSES = ("account_service", "marketing", "anti_money_laundering")
COMMON = "name"  # a field that all of these purposes need


def book(**tables: Any) -> Any:
    """The trial's rules with other tables."""
    return dataclasses.replace(RULES, book=RuleBook.from_mappings(RULES.book.model_dump(), tables))


def named(outcome: Any) -> set[str]:
    """The records whose values, or ids, an answer holds."""
    values = outcome.result.values
    if values is None:
        return set()
    if "rows" in values:
        return {row["record"] for row in values["rows"]}
    return set(values["records"]) if "records" in values else {"rec-0001"}


def every_read(record: str = "rec-0001", **members: Any) -> list[Any]:
    """The same question as a single read, a page and a search."""
    return [access(record=record, fields=[COMMON], **members), browse(fields=[COMMON], **members), search(**members)]


@pytest.mark.clause("USE-09")
@given(st.sampled_from(PURPOSES), st.sampled_from(PURPOSES[:2]), st.sets(st.sampled_from(PURPOSES)))
async def test_another_purpose_is_open_only_after_a_consent_to_it(
    collected_for: str, asked: str, consented: set[str]
) -> None:
    held = grant(CLERK.id, purpose=asked)
    record = stored("rec-0001", VALUES, purpose=collected_for)
    shelves = Shelves(record, grants=[held])
    shelves.consents = {record.subject: consented, "somebody-else": set(PURPOSES)}
    may = asked == collected_for or asked in consented
    for command in every_read(purpose=asked):
        outcome = await shelves.ask(command, CLERK)
        assert named(outcome) == ({"rec-0001"} if may else set())
        assert ("consents" in shelves.looked_up) == (asked != collected_for)
    single = await shelves.ask(access(fields=[COMMON], purpose=asked), CLERK)
    assert single.result.code == (None if may else "DG-ACC-020")
    assert [event.allowed for event in single.facts] == [may]


@pytest.mark.clause("USE-09")
async def test_a_purpose_that_a_law_demands_needs_no_consent_if_the_rule_book_says_so() -> None:
    shelves = Shelves(stored("rec-0001", VALUES), grants=[grant(CLERK.id, purpose="anti_money_laundering")])
    command = access(fields=[COMMON], purpose="anti_money_laundering")
    assert (await shelves.ask(command, CLERK)).result.code == "DG-ACC-020"
    lawful = book(reading={"purposes_by_law": ("anti_money_laundering",)})
    assert (
        await shelves.ask(access(fields=[COMMON], purpose="anti_money_laundering"), CLERK, rules=lawful)
    ).result.values


PORTAL = principal("sys:portal", "self_service")
SUBJECTS = ("sub-a", "sub-b", "sub-c")


def portal_grant(subject: str | None, **changes: Any) -> Grant:
    selection = frozenset({("subject", subject)}) if subject else frozenset()
    return grant(PORTAL.id, **{"records": frozenset({"*"}), "selection": selection, **changes})


@pytest.mark.clause("USE-15")
@given(
    st.lists(st.sampled_from(SUBJECTS), max_size=8),
    st.sampled_from(SUBJECTS),
    st.booleans(),
    st.sampled_from(["", "rec-0", "rec-3", "rec-9"]),
)
async def test_self_service_never_shows_another_customers_records(
    subjects: list[str], own: str, every: bool, after: str
) -> None:
    records = [stored(f"rec-{at}", VALUES, subject=subject) for at, subject in enumerate(subjects)]
    names = frozenset({"*"}) if every else frozenset(record.id for record in records)
    shelves = Shelves(*records, grants=[portal_grant(own, records=names)])
    theirs = {record.id for record in records if record.subject == own}
    place = await shelves.place(after, PORTAL.id, "grant-1") if after else None
    page = await shelves.ask(browse(after=place), PORTAL)
    assert named(page) == {each for each in theirs if each > after}
    assert (page.result.values or {})["withheld"] == 0
    assert named(await shelves.ask(search(), PORTAL)) == theirs
    for record in records:
        outcome = await shelves.ask(access(record=record.id), PORTAL)
        assert (outcome.result.values is not None) == (record.id in theirs)


@pytest.mark.clause("USE-15")
@pytest.mark.parametrize("selection", [frozenset(), frozenset({("building", "b-07")})])
async def test_a_portal_reads_nothing_under_a_grant_that_names_no_customer(selection: Any) -> None:
    intake = {"household": {"building": "b-07", "floor": 1, "unit": "a"}}
    held = portal_grant(None, selection=selection)
    shelves = Shelves(stored("rec-0001", VALUES, intake=intake), grants=[held])
    for command in every_read():
        assert (await shelves.ask(command, PORTAL)).result.code == "DG-ACC-001"


@pytest.mark.clause("SEC-07")
@pytest.mark.parametrize(
    ("intake", "restricted"),
    [
        ({"assessment": {"risk_grade": "high"}}, True),
        ({"customer": {"type": "individual", "special": "large_amount"}}, True),
        ({"assessment": {"risk_grade": "medium"}}, False),
        (None, False),
    ],
)
async def test_high_risk_and_large_amount_customers_are_read_by_listed_readers_alone(
    intake: Any, restricted: bool
) -> None:
    shelves = Shelves(stored("rec-0001", VALUES, intake=intake), grants=[grant(CLERK.id)])
    listed = replace(CLERK, roles=CLERK.roles | {"restricted_reader"})
    for command in every_read():
        assert named(await shelves.ask(command, CLERK)) == (set() if restricted else {"rec-0001"})
        again = command.model_copy(update={"id": access().id})
        assert named(await shelves.ask(again, listed)) == {"rec-0001"}
    refused = await shelves.ask(access(), CLERK)
    assert refused.result.code == ("DG-ACC-001" if restricted else None)  # nor is the grade told


@pytest.mark.clause("SEC-07")
async def test_a_restricted_part_of_an_archive_is_left_out_of_what_others_read() -> None:
    part = stored("rec-part", VALUES, part_of="rec-0001", stage="merged", intake={"assessment": {"risk_grade": "high"}})
    archive = stored("rec-0001", {"city": "Wuxi"}, parts=("rec-part",))
    shelves = Shelves(archive, part, grants=[grant(CLERK.id)])
    listed = replace(CLERK, roles=CLERK.roles | {"restricted_reader"})
    for reader, names in ((CLERK, {"city"}), (listed, {"city", "phone"})):
        for make in (access, browse):
            result: Any = (await shelves.ask(make(fields=["city", "phone"]), reader)).result
            assert set(result.values if make is access else result.values["rows"][0]["values"]) == names


@pytest.mark.clause("USE-17")
async def test_an_offer_is_made_only_to_customers_of_a_grade_that_the_product_allows() -> None:
    held = grant(CLERK.id, records=frozenset({"*"}), product="fund", purpose="marketing")
    rules = book(use={"products": {"fund": ("low",)}})
    for risk, code in (("low", None), ("medium", "DG-USE-012"), ("", "DG-USE-012")):
        record = stored("rec-0001", VALUES, purpose="marketing", intake={"assessment": {"risk_grade": risk}})
        shelves = Shelves(record, grants=[held])
        asked = {"purpose": "marketing", "fields": ["name"]}
        assert (await shelves.ask(access(**asked), CLERK, rules=rules)).result.code == code
        page: Any = (await shelves.ask(browse(**asked), CLERK, rules=rules)).result.values
        assert (len(page["rows"]), page["withheld"]) == ((1, 0) if code is None else (0, 1))


@pytest.mark.clause("USE-07")
async def test_a_standing_scope_is_read_under_and_ends_with_the_role() -> None:
    scopes = {"steward": {"purposes": ("account_service",), "fields": ("name",), "attribute": "building"}}
    rules = book(use={"standing_scopes": scopes})
    steward = replace(CLERK, roles=frozenset({"reader", "steward"}), scope=frozenset({("building", "b-07")}))
    homes = {b: {"household": {"building": b, "floor": 1, "unit": "a"}} for b in ("b-07", "b-08")}
    shelves = Shelves(
        stored("rec-0001", VALUES, intake=homes["b-07"]), stored("rec-0002", VALUES, intake=homes["b-08"])
    )
    asked = {"grant": "standing:steward", "fields": ["name"]}
    assert named(await shelves.ask(browse(**asked), steward, rules=rules)) == {"rec-0001"}
    assert (await shelves.ask(access(**asked), steward, rules=rules)).result.values
    assert (await shelves.ask(access(**asked, record="rec-0002"), steward, rules=rules)).result.code == "DG-ACC-007"
    wider = access(**{**asked, "fields": ["phone"]})
    assert (await shelves.ask(wider, steward, rules=rules)).result.code == "DG-ACC-003"
    left = replace(steward, roles=frozenset({"reader"}))
    assert (await shelves.ask(access(**asked), left, rules=rules)).result.code == "DG-ACC-001"


FIELDS = tuple(sorted(RULES.catalogue.purposes["account_service"].fields))
SECRET = "sample-value-0123456789"


@pytest.mark.clause("USE-14")
@given(
    st.sets(st.sampled_from(FIELDS), min_size=1, max_size=8),
    st.sets(st.sampled_from((*FIELDS, "*")), max_size=6),
    st.sampled_from(["access", "browse"]),
)
async def test_sensitive_values_are_masked_unless_the_grant_says_clear(
    asked: set[str], clear: set[str], kind: str
) -> None:
    shelves = Shelves(
        stored("rec-0001", dict.fromkeys(FIELDS, SECRET)), grants=[grant(CLERK.id, clear=frozenset(clear))]
    )
    command = access(fields=sorted(asked)) if kind == "access" else browse(fields=sorted(asked))
    result = (await shelves.ask(command, CLERK)).result
    answered: Any = result.values
    values = answered if kind == "access" else answered["rows"][0]["values"]
    for name in asked:
        sensitive = RULES.catalogue.field(name).level is not Level.BASIC
        leave = name in clear or "*" in clear
        assert (values[name] == SECRET) or not leave
        if sensitive:
            assert (values[name] == SECRET) == leave
            assert (name in (result.clear or ())) == leave


#: Who asks for what they may not know of.
OUTSIDERS: dict[str, Grant | None] = {
    "no grant": None,
    "another's grant": grant("per:other"),
    "another record's": grant(CLERK.id, records=frozenset({"rec-0002"})),
    "another building's": grant(CLERK.id, records=frozenset({"*"}), selection=frozenset({("building", "b-07")})),
    "another customer's": grant(CLERK.id, records=frozenset({"*"}), selection=frozenset({("subject", "sub-z")})),
}
THINGS: dict[str, Record | None] = {
    "absent or destroyed": None,
    "there": stored("rec-0001", VALUES),
    "withdrawn": stored("rec-0001", VALUES, consent_state="withdrawn"),
    "an intake": stored("rec-0001", VALUES, stage="received"),
    "objected to": stored("rec-0001", VALUES, objected=True),
    "for another purpose": stored("rec-0001", VALUES, purpose="marketing"),
    "an archive with parts": stored("rec-0001", {"city": "Wuxi"}, parts=("rec-0009",)),
    "a part": stored("rec-0001", VALUES, stage="merged", part_of="rec-0009"),
    "at high risk": stored("rec-0001", VALUES, intake={"assessment": {"risk_grade": "high"}}),
}


@pytest.mark.clause("USE-07")
@pytest.mark.parametrize("who", sorted(OUTSIDERS))
@pytest.mark.parametrize("locale", ["en", "zh-CN"])
async def test_a_refusal_does_not_tell_whether_a_record_exists(who: str, locale: Any) -> None:
    held, told = OUTSIDERS[who], set()
    for thing in THINGS.values():
        for command in (
            access(id="00000000-0000-4000-8000-000000000001"),
            search(id="00000000-0000-4000-8000-000000000002"),
            browse(id="00000000-0000-4000-8000-000000000003"),
        ):
            shelves = Shelves(*([thing] if thing else []), grants=[held] if held else [])
            outcome = await shelves.ask(command, replace(CLERK, locale=locale), now=NOW)
            told.add((command.type, orjson.dumps(dataclasses.asdict(outcome.result)), tuple(shelves.looked_up)))
    assert len(told) == 3, told  # one for each kind of question, whatever there is
