"""Every gate of a share refuses with its own code: at the application, and again at the delivery."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from schemas.levels import Level
from tests.consumers.samples import NOW
from tests.simulators.sharing import PARTNER, Office, rules_with
from tests.simulators.using import moment


async def code_of(office: Office | None = None, sender: str = "per:applicant", **changes: Any) -> str | None:
    """The code of an application's refusal."""
    return (await (office or Office()).apply(sender, **changes))[1]


async def test_a_complete_application_is_accepted_and_waits() -> None:
    office = Office()
    share, code = await office.apply()
    assert code is None
    kept = office.stores.shares[share]
    assert (kept.state, kept.posts) == ("applied", ("archivist", "client_manager", "director"))


@pytest.mark.clause("SHR-01")
@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ({"purpose": None}, "DG-SHR-001"),
        ({"records": ()}, "DG-SHR-002"),
        ({"fields": ()}, "DG-SHR-002"),
        ({"recipient": None}, "DG-SHR-003"),
        ({"basis": None}, "DG-SHR-004"),
        ({"reason": None}, "DG-SHR-005"),
        ({"reason": "  "}, "DG-SHR-005"),
        ({"kind": None}, "DG-SHR-006"),
        ({"until": None}, "DG-SHR-007"),
        ({"until": moment(NOW - 1)}, "DG-SHR-007"),
        ({"until": "2027-02-30T10:00:00Z"}, "DG-SHR-007"),
        ({"until": moment(NOW + 367 * 86_400)}, "DG-SHR-007"),
        ({"channel": None}, "DG-SHR-008"),
        ({"purpose": "unknown"}, "DG-COL-006"),
        ({"fields": ["name", "unknown"]}, "DG-COL-001"),
        ({"fields": ["traded_price"]}, "DG-COL-005"),
        ({"reason": "call 13800138000"}, "DG-COL-007"),
    ],
)
async def test_an_application_says_everything(missing: dict[str, Any], code: str) -> None:
    assert await code_of(**missing) == code


@pytest.mark.clause("SHR-01")
async def test_nothing_is_delivered_without_an_application() -> None:
    outcome = await Office().deliver(str(uuid.uuid4()))
    assert (outcome.result.code, outcome.result.values) == ("DG-SHR-050", None)


@pytest.mark.clause("SHR-01")
async def test_who_may_not_share_does_not_apply() -> None:
    assert await code_of(sender="sys:retail") == "DG-CMD-004"
    office = Office()
    office.stores.records["rec-0001"] = replace(
        office.stores.records["rec-0001"], intake={"assessment": {"risk_grade": "high"}}
    )
    assert await code_of(office) == "DG-CMD-004"  # a record that the applicant may not see


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipient": "org:nobody"}, "DG-SHR-010"),
        ({"recipient": "sys:analysis"}, "DG-SHR-011"),
        ({"kind": "internal", "recipient": PARTNER}, "DG-SHR-011"),
        ({"kind": "internal", "recipient": "sys:retail"}, "DG-SHR-011"),
        ({"kind": "internal", "recipient": "sys:analysis", "agreement": None}, None),
    ],
)
async def test_the_recipient_fits_the_kind(changes: dict[str, Any], code: str | None) -> None:
    assert await code_of(**changes) == code


@pytest.mark.clause("SHR-07")
async def test_nothing_goes_to_a_recipient_that_nothing_can_be_sealed_to() -> None:
    for changes in ({"receiving_keys": ()}, {"active": False}, {"barred": "DG-SEC-013"}):
        office = Office()
        office.staff.change(PARTNER, **changes)
        assert await code_of(office) == "DG-SHR-010"


@pytest.mark.clause("SHR-04")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipient": "org:other"}, "DG-SHR-014"),
        ({"ended": True}, "DG-SHR-014"),
        ({"until": NOW}, "DG-SHR-014"),
        ({"signed_at": NOW + 60}, "DG-SHR-014"),
        ({"fields": frozenset({"name"})}, "DG-SHR-015"),
        ({"purposes": frozenset({"marketing"})}, "DG-SHR-016"),
        ({"duties": ()}, "DG-SHR-017"),
        ({"duties": (" ",)}, "DG-SHR-017"),
        ({"encrypts_at_rest": ""}, "DG-SHR-018"),
        ({"fields": frozenset({"name", "city"})}, None),
    ],
)
async def test_the_agreement_covers_what_is_sent_at_the_application_and_at_the_delivery(
    changes: dict[str, Any], code: str | None
) -> None:
    office = Office()
    office.agree(**changes)
    assert await code_of(office) == code
    office.agree()
    share = await office.approved()
    office.agree(**changes)
    outcome = await office.deliver(share)
    assert outcome.result.code == code
    assert (outcome.result.values is None) == (code is not None)


@pytest.mark.clause("SHR-04")
async def test_no_agreement_no_share() -> None:
    assert await code_of(agreement=None) == "DG-SHR-014"
    assert await code_of(agreement="nda-2") == "DG-SHR-014"


@pytest.mark.clause("SHR-05")
async def test_every_customer_has_consented_to_this_recipient() -> None:
    office = Office()
    share = await office.approved()
    office.stores.consents.remove(("sub-rec-0002", "account_service", PARTNER))
    assert await code_of(office) == "DG-SHR-020"
    assert (await office.deliver(share)).result.code == "DG-SHR-020"  # withdrawn since
    assert await code_of(office, records=["rec-0001"]) is None
    assert await code_of(office, records=["rec-9999"]) == "DG-SHR-020"  # one that there is not is answered the same
    office.stores.consents.add(("sub-rec-0002", "marketing", PARTNER))
    office.stores.consents.add(("sub-rec-0002", "account_service", "org:other"))
    assert await code_of(office) == "DG-SHR-020"
    inside = {"kind": "internal", "recipient": "sys:analysis"}
    assert await code_of(office, **inside) is None
    assert await code_of(Office(rules_with(share={"customer_consent": False})), records=["rec-9999"]) is None


@pytest.mark.clause("SHR-06")
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (["name"], "DG-SHR-021"),
        (["city", "phone"], "DG-SHR-021"),
        (["email"], "DG-SHR-021"),
        (["id_number"], "DG-SHR-021"),
        (["account_number"], "DG-SHR-021"),
        (["gender"], "DG-SHR-021"),  # by its category
        (["address"], "DG-SHR-022"),
        (["city", "occupation"], None),
    ],
)
async def test_what_is_declared_as_anonymised_identifies_nobody(fields: list[str], code: str | None) -> None:
    assert await code_of(form="aggregate", fields=fields) == code


@pytest.mark.clause("SHR-06")
async def test_anonymised_information_takes_no_consent() -> None:
    office = Office()
    office.stores.consents.clear()
    assert await code_of(office, form="aggregate", fields=["city"]) is None
    assert await code_of(office, form="pseudonymised", fields=["city"]) == "DG-SHR-020"


CHANNELS = [
    ("kafka_reply", None),
    ("sftp_encrypted", None),
    ("https", None),
    ("encrypted_media", None),
    ("email_encrypted", None),
    ("http", "DG-SHR-023"),
    ("ftp", "DG-SHR-023"),
    ("email_plain", "DG-SHR-024"),
    ("messenger", "DG-SHR-024"),
    ("telephone", "DG-SHR-024"),
    ("telegraph", "DG-SHR-024"),
]


@pytest.mark.clause("SHR-07", "SHR-08")
@pytest.mark.parametrize(("channel", "code"), CHANNELS)
async def test_only_encrypted_channels_carry_customer_information(channel: str, code: str | None) -> None:
    assert await code_of(channel=channel) == code


@pytest.mark.clause("SHR-08")
@pytest.mark.parametrize(
    ("fields", "records", "code"),
    [(["city"], 2, None), (["city"], 3, "DG-SHR-024"), (["id_number"], 1, "DG-SHR-024")],
)
async def test_core_and_bulk_never_go_by_an_unsafe_channel(fields: list[str], records: int, code: str | None) -> None:
    rules = rules_with(
        transfer={"unsafe_channel_scope": "core_and_bulk", "bulk_threshold": 2, "important_tiers": []},
    )
    named = [f"rec-{number:04d}" for number in range(1, records + 1)]
    assert await code_of(Office(rules), channel="email_plain", fields=fields, records=named) == code
    assert await code_of(Office(rules), channel="http", fields=fields, records=named) == "DG-SHR-023"


@pytest.mark.clause("SHR-09")
@pytest.mark.parametrize("name", ["password", "cover-password", "passphrase", "pin", "private-key", "unlock_code"])
async def test_a_sending_never_holds_the_password(name: str) -> None:
    office = Office()
    share = await office.approved(channel="email_encrypted")
    outcome = await office.deliver(share, enclosures=["cover_letter", name])
    assert (outcome.result.code, outcome.result.values) == ("DG-SHR-025", None)
    assert (await office.deliver(share, enclosures=["cover_letter"])).result.code is None


IMPORTANT = [
    {"fields": ["id_number"]},
    {"records": ["rec-secret"]},
    {"records": ["rec-vip"]},
]


def with_important() -> Office:
    """Records that are important by their grade, or by their customer."""
    office = Office()
    for name, intake in (("rec-secret", {"grade": "secret"}), ("rec-vip", {"customer": {"importance": "important"}})):
        office.keep(name, id_number="11010519491231002X")
        office.stores.records[name] = replace(office.stores.records[name], intake=intake)
    for values in office.stores.values.values():
        values["id_number"] = "11010519491231002X"
    office.staff.change("per:applicant", scope=frozenset({("grade", "secret")}), clearance=Level.CORE)
    return office


@pytest.mark.clause("SHR-12")
@pytest.mark.parametrize("what", IMPORTANT)
async def test_important_records_are_passed_on_by_a_designated_person_with_stated_safeguards(
    what: dict[str, Any],
) -> None:
    office = with_important()
    stated = {"carrier": "per:carrier", "safeguards": ["locked_case"]}
    assert await code_of(office, **what) == "DG-SHR-026"
    assert await code_of(office, **what, carrier="per:archivist", safeguards=["locked_case"]) == "DG-SHR-026"
    assert await code_of(office, **what, carrier="per:carrier") == "DG-SHR-027"
    assert await code_of(office, **what, carrier="per:carrier", safeguards=["hope"]) == "DG-SHR-027"
    share = await office.approved(**what, **stated)
    assert (await office.deliver(share, "per:archivist")).result.code == "DG-SHR-026"
    office.staff.change("per:carrier", roles=frozenset({"archivist"}))  # no longer designated
    assert (await office.deliver(share, "per:carrier")).result.code == "DG-SHR-026"
    office.staff.change("per:carrier", roles=frozenset({"carrier"}))
    assert (await office.deliver(share, "per:carrier")).result.code is None


async def test_only_who_may_send_packages_sends_one() -> None:
    office = Office()
    share = await office.approved()
    for sender in ("per:reader", "per:applicant", PARTNER):
        outcome = await office.deliver(share, sender)
        assert (outcome.result.code, outcome.result.values) == ("DG-CMD-004", None)
