"""Incidents: who may report and freeze, what is frozen is never answered, and what does not open raises one."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.incidents.desk import MAX_WAITING, IncidentDesk
from consumers.incidents.frozen import MAX_AGE, Frozen
from consumers.incidents.integrity import Integrity
from consumers.incidents.opening import Opener, addressees
from consumers.incidents.suspending import Suspended
from consumers.received import Outcome
from consumers.update import decide as decide_update
from ops.rules import load_rules
from schemas.errors import Refusal
from schemas.incident_finding import Finding
from schemas.incidents import INCIDENTS, Contain, Report, incident_reference
from schemas.principals import Principal, PublicKey
from schemas.registers import Entry
from schemas.rule_tables.incident import Incident
from store.freezes import Freeze
from tests.consumers.samples import NOW, RULES, access, browse, grant, principal, received, search, update
from tests.simulators.reading import Shelves, stored
from tests.simulators.sharing import STRICT as SHARING
from tests.simulators.sharing import Office

STRICT = load_rules()
CLERK = principal("per:clerk-7", "reader", kind="person")
OFFICER = principal("per:officer-1", "security_officer", kind="person", department="security")
HEAD = principal("per:head-1", "unit_head", kind="person")
FAR_HEAD = principal("per:head-2", "unit_head", kind="person", department="leasing")
CHIEF = principal("per:chief-1", "department_head", kind="person", department="leasing")
SERVICE = principal("per:service-1", "customer_service_head", kind="person", department="service")
EVERYBODY = (CLERK, OFFICER, HEAD, FAR_HEAD, CHIEF, SERVICE)
VALUES = {"name": "张三丰", "phone": "+8613800138000", "city": "Suzhou"}


class People:
    """Who is registered."""

    def __init__(self, *everyone: Principal) -> None:
        self._everyone = {each.id: each for each in everyone}

    def principal(self, principal: str) -> Principal | None:
        return self._everyone.get(principal)

    def holders(self, role: str) -> list[Principal]:
        return [each for each in self._everyone.values() if role in each.roles]


class Stores:
    """Register, ties, freezes, words and alerts in memory, with the order in which they were written."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.tied: set[tuple[str, str]] = set()
        self.freezes: dict[str, Freeze] = {}
        self.words: dict[str, Mapping[str, bytes]] = {}
        self.alerts: list[Finding] = []
        self.order: list[str] = []

    async def get(self, references: Sequence[str]) -> dict[str, Entry]:
        return {each: self.entries[each] for each in references if each in self.entries}

    async def all(self, *, states: Collection[str] | None = None) -> Any:
        for entry in list(self.entries.values()):
            if states is None or entry.state in states:
                yield entry

    async def tie(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.tied |= set(pairs)

    async def alert(self, finding: Finding) -> None:
        self.order.append("alert")
        self.alerts.append(finding)

    async def in_force(self) -> list[Freeze]:
        return list(self.freezes.values())

    def opener(self, people: People, rules: Incident = STRICT.book.incident) -> Opener:
        return Opener(self._Entries(self), self, self._Freezes(self), people, rules, self.alert)

    def desk(self, people: People, rules: Any = STRICT) -> IncidentDesk:
        opener = self.opener(people, rules.book.incident)
        return IncidentDesk(opener, self._Entries(self), self._Freezes(self), self._Words(self), people, rules, _sealed)

    class _Part:
        def __init__(self, stores: Stores) -> None:
            self.stores = stores

    class _Entries(_Part):
        async def get(self, references: Sequence[str]) -> dict[str, Entry]:
            return await self.stores.get(references)

        def all(self, *, states: Collection[str] | None = None) -> Any:
            return self.stores.all(states=states)

        async def put(self, entry: Entry) -> bool:
            self.stores.order.append("entry")
            self.stores.entries[entry.id] = entry
            return True

    class _Freezes(_Part):
        async def put(self, freezes: Sequence[Freeze]) -> None:
            self.stores.order.append("freeze")
            for each in freezes:
                self.stores.freezes.setdefault(each.id, each)

    class _Words(_Part):
        async def put(self, incident: str, sealed: Mapping[str, bytes]) -> None:
            self.stores.words.setdefault(incident, sealed)


def _sealed(text: bytes, key: PublicKey) -> bytes:
    return b"sealed to " + key.kid.encode() + bytes(reversed(text))


def report(**changes: Any) -> Report:
    members = {"id": str(uuid.uuid4()), "type": "report", "kind": "leak", **changes}
    return Report.model_validate(members)


def contain(incident: str, **changes: Any) -> Contain:
    return Contain.model_validate({"id": str(uuid.uuid4()), "type": "contain", "incident": incident, **changes})


async def tell(desk: IncidentDesk, command: Any, by: Principal = CLERK, **more: Any) -> Outcome:
    (outcome,) = await desk.apply([received(command, by, **more)], NOW)
    return outcome


@pytest.mark.clause("SEC-10")
async def test_a_report_reaches_every_addressee_at_once_and_counts_once() -> None:
    stores = Stores()
    desk, command = stores.desk(People(*EVERYBODY)), report(principals=[CHIEF.id], records=["rec-1"])
    first = await tell(desk, command)
    again = await tell(desk, command, offset=8)
    assert (first.result.status, first.result.of) == ("accepted", incident_reference(CLERK.id, command.id))
    assert again.result == first.result
    assert [replace(each, offset=7) for each in again.facts] == list(first.facts)  # one event, by its id
    (entry,) = stores.entries.values()
    assert stores.tied == {("rec-1", entry.id)}
    assert len({each.uid for each in stores.alerts}) == 1
    assert stores.alerts[0].addressees == {
        "superior": (HEAD.id,),  # of the reporter's department, no other
        "security_officer": (OFFICER.id,),
        "customer_service_head": (SERVICE.id,),
        "departments_concerned": (CHIEF.id,),
    }
    assert entry.steps[0].said["responsible"] == (OFFICER.id,)
    told = orjson.loads(stores.alerts[0].ocsf())
    assert (told["class_uid"], told["is_suspected_breach"]) == (2005, True)
    assert told["unmapped"]["dangan"]["addressees"]["superior"] == [HEAD.id]


@pytest.mark.clause("SEC-10")
async def test_an_alert_that_is_not_durable_answers_nobody() -> None:
    stores = Stores()

    async def away(_: Finding) -> None:
        raise ConnectionError

    stores.alert = away  # type: ignore[method-assign,assignment]
    with pytest.raises(ConnectionError):
        await tell(stores.desk(People(*EVERYBODY)), report())


@given(st.sampled_from(EVERYBODY), st.booleans(), st.lists(st.sampled_from(["rec-1", "rec-2"]), max_size=2))
@pytest.mark.clause("SEC-10", "SEC-11")
async def test_whoever_reports_is_heard_and_only_posts_freeze(who: Principal, freeze: bool, records: list[str]) -> None:
    stores = Stores()
    outcome = await tell(stores.desk(People(*EVERYBODY)), report(records=records, freeze=freeze), who)
    if freeze and not records:
        assert (outcome.result.code, stores.entries) == ("DG-INC-003", {})
        return
    may = not who.roles.isdisjoint({*STRICT.book.incident.freeze_posts, *STRICT.book.incident.responsible})
    assert outcome.result.status == "accepted"
    assert outcome.result.code == ("DG-INC-004" if freeze and not may else "DG-INC-009")  # strict: no plan is on file
    assert {each.target for each in stores.freezes.values()} == (set(records) if freeze and may else set())
    assert len(stores.entries) == 1


@pytest.mark.clause("SEC-11")
async def test_what_is_reported_to_be_frozen_is_frozen_before_anything_else_is_kept() -> None:
    stores = Stores()
    await tell(stores.desk(People(*EVERYBODY)), report(records=["rec-1"], freeze=True), OFFICER)
    assert stores.order == ["freeze", "entry", "alert"]


@pytest.mark.clause("SEC-11")
async def test_the_plan_is_recorded_and_its_absence_is_told_loudly() -> None:
    stores, people = Stores(), People(*EVERYBODY)
    without = await tell(stores.desk(people), report())
    assert without.result.code == "DG-INC-009"
    assert "NO EMERGENCY PLAN" in orjson.loads(stores.alerts[0].ocsf())["message"]
    with_plan = await tell(stores.desk(people, RULES), report())
    assert with_plan.result.code is None
    first = stores.entries[with_plan.result.of or ""].steps[0]
    assert (first.said["plan"], first.said["plan_version"]) == ("plan-trial", "1")


@given(st.text(min_size=1, max_size=60))
async def test_a_description_is_kept_for_those_who_answer_and_nowhere_else(words: str) -> None:
    stores = Stores()
    text = f"leak: {words}"
    outcome = await tell(stores.desk(People(*EVERYBODY)), report(description=text))
    (sealed,) = stores.words.values()
    assert set(sealed) == {OFFICER.id}
    assert sealed[OFFICER.id].endswith(bytes(reversed(text.encode())))
    kept = repr((stores.entries, stores.freezes, outcome.facts, [each.ocsf() for each in stores.alerts]))
    assert text not in kept
    with_other = replace(received(report(), CLERK), command=report(description="other"))
    assert (await stores.desk(People(*EVERYBODY)).apply([with_other], NOW))[0].result.status == "accepted"


async def test_a_report_under_a_used_id_and_one_too_many_are_refused() -> None:
    stores = Stores()
    desk, command = stores.desk(People(*EVERYBODY)), report()
    await tell(desk, command)
    other = report(id=command.id, kind="loss")
    assert (await tell(desk, other)).result.code == "DG-CMD-001"
    for _ in range(MAX_WAITING - 1):
        assert (await tell(desk, report())).result.status == "accepted"
    assert (await tell(desk, report())).result.code == "DG-INC-007"
    assert (await tell(desk, report(), HEAD)).result.status == "accepted"
    assert (await tell(desk, report(records=["13800138000"]), HEAD)).result.code == "DG-COL-007"
    assert (await tell(desk, report(), replace(HEAD, active=False))).result.code == "DG-CMD-004"


@pytest.mark.clause("SEC-11")
async def test_containment_is_for_posts_and_is_recorded_once() -> None:
    stores = Stores()
    desk = stores.desk(People(*EVERYBODY))
    incident = (await tell(desk, report())).result.of or ""
    freezing = contain(incident, departments=["retail"], records=["rec-1"])
    assert (await tell(desk, freezing)).result.code == "DG-INC-005"
    assert stores.freezes == {}
    assert (await tell(desk, contain(incident), OFFICER)).result.code == "DG-INC-003"
    assert (await tell(desk, contain("inc-none", records=["rec-1"]), OFFICER)).result.code == "DG-INC-006"
    for _ in range(2):
        outcome = await tell(desk, freezing, OFFICER)
        assert (outcome.result.status, outcome.facts[0].book) == ("accepted", "incidents.freeze")
        stores.entries[incident] = INCIDENTS.follow(stores.entries[incident], "freeze", {"command": "x"}, by="y", at=1)
    steps = [each for each in stores.entries[incident].steps if each.said.get("command") == freezing.id]
    assert len(steps) == 1
    assert {(each.kind, each.target) for each in stores.freezes.values()} == {
        ("department", "retail"),
        ("record", "rec-1"),
    }
    stores.entries[incident] = replace(stores.entries[incident], state="closed")
    assert (await tell(desk, contain(incident, records=["rec-2"]), OFFICER)).result.code == "DG-INC-008"


def test_a_post_that_nobody_holds_is_told_with_nobody() -> None:
    assert addressees(STRICT.book.incident, People(), "retail", ()) == dict.fromkeys(
        STRICT.book.incident.addressees, ()
    )


class Frosty:
    """Freezes, how often they were read, and a clock."""

    def __init__(self, *frozen: tuple[Any, str]) -> None:
        self.frozen = list(frozen)
        self.reads = 0
        self.now = 0.0

    async def in_force(self) -> list[Freeze]:
        self.reads += 1
        return [Freeze("c", "inc-1", kind, target, "o", 1) for kind, target in self.frozen]

    def view(self) -> Frozen:
        return Frozen(self, clock=lambda: self.now)


class Answering:
    """The readers of the simulator, as an applier."""

    def __init__(self, shelves: Shelves) -> None:
        self.shelves = shelves

    async def apply(self, batch: Any, now: float) -> list[Outcome]:
        return [await self.shelves.ask(each.command, each.sender, now=now) for each in batch]


@given(st.lists(st.tuples(st.floats(0, 0.4), st.booleans()), max_size=30))
async def test_freezes_are_read_once_a_second_and_seen_within_it(steps: list[tuple[float, bool]]) -> None:
    source = Frosty()
    view, since = source.view(), 0.0
    for passed, freeze in steps:
        source.now += passed
        if freeze and not source.frozen:
            source.frozen, since = [("record", "rec-1")], source.now
        await view.refresh()
        if source.frozen and source.now - since >= MAX_AGE:
            assert view.record("rec-1")
    assert source.reads <= source.now / MAX_AGE + 1


NAMES = [f"rec-{at:03d}" for at in range(1, 6)]


@pytest.mark.clause("SEC-11")
@given(st.sets(st.sampled_from(NAMES)), st.booleans(), st.sampled_from(["", "principal", "department"]))
async def test_nothing_frozen_is_ever_answered(cold: set[str], every: bool, who: str) -> None:
    """Alone, on pages and by search; and what is not frozen is answered as ever."""
    held = grant(CLERK.id, records=frozenset({"*"} if every else NAMES[:3]))
    shelves = Shelves(*(stored(name, VALUES) for name in NAMES), grants=[held])
    frozen = [("record", each) for each in cold]
    frozen += [(who, CLERK.id if who == "principal" else CLERK.department)] if who else []
    applier = Suspended(Answering(shelves), Frosty(*frozen).view(), RULES)
    may = set(NAMES if every else NAMES[:3])
    for name in NAMES:
        (outcome,) = await applier.apply([received(access(record=name), CLERK)], NOW)
        plain = await shelves.ask(access(record=name), CLERK)
        if who:
            assert outcome.result.code == "DG-INC-001"
        elif name in cold and name in may:
            assert (outcome.result.code, outcome.facts[0].allowed) == ("DG-INC-002", False)
        else:  # who has no grant learns nothing of a freeze
            assert (outcome.result.code, outcome.result.values) == (plain.result.code, plain.result.values)
        assert (outcome.result.values is not None) == (not who and name in may - cold)
    (page,) = await applier.apply([received(browse(), CLERK)], NOW)
    (hits,) = await applier.apply([received(search(), CLERK)], NOW)
    if who:
        assert (page.result.values, hits.result.values) == (None, None)
        return
    rows: Any = page.result.values
    assert [row["record"] for row in rows["rows"]] == sorted(may - cold)
    assert rows["withheld"] == len(may & cold)
    listed: Any = hits.result.values
    assert listed["records"] == sorted(may - cold)
    for outcome in (page, hits):
        assert {event.record for event in outcome.facts if event.allowed and event.record} == may - cold
        assert {event.record for event in outcome.facts if event.code == "DG-INC-002"} == may & cold


async def test_freezes_are_read_beside_a_batch_only_when_they_are_old(monkeypatch: pytest.MonkeyPatch) -> None:
    shelves = Shelves(stored("rec-001", VALUES), grants=[grant(CLERK.id, records=frozenset({"*"}))])
    source = Frosty()
    applier = Suspended(Answering(shelves), source.view(), RULES)
    refreshed: list[int] = []
    refresh = Frozen.refresh

    async def counted(self: Frozen, *, anew: bool = False) -> None:
        refreshed.append(source.reads)
        await refresh(self, anew=anew)

    monkeypatch.setattr(Frozen, "refresh", counted)
    for now in (0.0, 0.5, 0.9, MAX_AGE, MAX_AGE + 0.5):
        source.now = now
        (outcome,) = await applier.apply([received(access(record="rec-001"), CLERK)], NOW)
        assert outcome.result.values is not None
    assert refreshed == [0, 1]


@pytest.mark.clause("SEC-11")
async def test_an_archive_with_a_frozen_part_is_not_answered() -> None:
    whole = stored("rec-001", {"name": "张三丰"}, parts=("rec-002",))
    part = stored("rec-002", {"city": "Suzhou"}, part_of="rec-001", stage="merged")
    held = grant(CLERK.id, records=frozenset({"*"}))
    shelves = Shelves(whole, part, grants=[held])
    applier = Suspended(Answering(shelves), Frosty(("record", "rec-002")).view(), RULES)
    (outcome,) = await applier.apply([received(access(record="rec-001", fields=["name", "city"]), CLERK)], NOW)
    assert (outcome.result.code, outcome.result.values) == ("DG-INC-002", None)
    (page,) = await applier.apply([received(browse(fields=["name", "city"]), CLERK)], NOW)
    rows: Any = page.result.values
    assert (rows["rows"], rows["withheld"]) == ([], 1)


@pytest.mark.clause("SEC-11")
@pytest.mark.parametrize(
    ("frozen", "code"),
    [
        (("record", "rec-0001"), "DG-INC-002"),
        (("principal", "sys:crm"), "DG-INC-001"),
        (("department", "retail"), "DG-INC-001"),
    ],
)
async def test_nothing_frozen_is_changed(frozen: tuple[Any, str], code: str) -> None:
    rules = replace(RULES, frozen=Frosty(frozen).view())
    await rules.frozen.refresh()
    record, editor = stored("rec-0001", VALUES), principal("sys:crm", "editor")
    with pytest.raises(Refusal) as refusal:
        decide_update(received(update(), editor), record, rules)
    assert refusal.value.code == code
    with pytest.raises(Refusal) as refusal:  # who may not change anything learns nothing of a freeze
        decide_update(received(update(), CLERK), record, rules)
    assert refusal.value.code == "DG-CMD-004"


@pytest.mark.clause("STO-05", "SEC-11")
@pytest.mark.parametrize("command", [access(record="rec-002"), browse()])
async def test_a_value_that_does_not_open_raises_one_incident_until_it_is_closed(command: Any) -> None:
    stores, held = Stores(), grant(CLERK.id, records=frozenset({"*"}))
    shelves = Shelves(*(stored(name, VALUES) for name in NAMES), grants=[held])
    shelves.broken = {"rec-002"}
    live: dict[str, Any] = dict(shelves.records)

    async def lives(ids: Collection[str]) -> dict[str, Any]:
        return {each: live[each] for each in ids if each in live}

    applier = Integrity(Answering(shelves), stores.opener(People(*EVERYBODY)), lives, freeze=True)
    for _ in range(2):
        (outcome,) = await applier.apply([received(command.model_copy(update={"id": str(uuid.uuid4())}), CLERK)], NOW)
        assert outcome.facts[-1].book == "incidents.report"
    (entry,) = stores.entries.values()
    assert (entry.kind, entry.facts["records"], entry.facts["code"]) == ("tampering", ("rec-002",), "DG-KEY-005")
    assert {(each.kind, each.target) for each in stores.freezes.values()} == {("record", "rec-002")}
    assert stores.alerts[0].addressees["security_officer"] == (OFFICER.id,)
    stores.entries[entry.id] = replace(entry, state="closed")
    await applier.apply([received(command.model_copy(update={"id": str(uuid.uuid4())}), CLERK)], NOW)
    assert len(stores.entries) == 2
    del live["rec-002"]  # destroyed meanwhile: its keys are gone by right
    (outcome,) = await applier.apply([received(command.model_copy(update={"id": str(uuid.uuid4())}), CLERK)], NOW)
    assert len(stores.entries) == 2
    assert "register" not in {event.action for event in outcome.facts}


@pytest.mark.clause("SEC-11")
@pytest.mark.parametrize(("frozen", "code"), [("rec-0002", "DG-INC-002"), ("rec-0009", None)])
async def test_nothing_frozen_is_shared(frozen: str, code: str | None) -> None:
    office = Office(replace(SHARING, frozen=Frosty(("record", frozen)).view()))
    outcome = await office.deliver(await office.approved())
    assert (outcome.result.code, outcome.result.values is None) == (code, code is not None)
