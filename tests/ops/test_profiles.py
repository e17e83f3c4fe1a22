"""The profiles of the regulations: complete, consistent with the clauses and policies, and told as they are."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from ops.cli import build
from ops.docs import profiles as page
from ops.docs.clauses import ROOT
from ops.people.permissions import people_rules
from ops.profiles import Described, described, value_of
from ops.rules import load_rules, policy_root, profile_names, rule_book, rules_of
from schemas.errors import DanganError
from schemas.levels import Level
from schemas.principals import Principal
from schemas.rule_tables.people import People
from schemas.rule_tables.retention import TRANSACTION_YEARS
from schemas.settings import Settings

NAMES: Final = [name for name in profile_names(policy_root()) if name != "trial"]
#: The thirteen texts of the requirements.
TEXTS: Final = {
    "000", "002", "003", "004",
    *(f"001/{name}" for name in ("银保监", "八篇", "CRM", "长城国瑞", "物业档案", "敏感信息", "银行模版", "十篇", "通用办法")),
}  # fmt: skip
#: What each text says in figures and words: read from the requirements, never from the profiles.
SAID: Final[list[tuple[str, str, Any]]] = [
    ("general-company", "collection.notice_elements", ["purpose", "scope", "manner"]),
    ("general-company", "consent.required_for", "volunteered"),
    ("general-company", "share.customer_consent", False),
    ("protection-standard", "consent.required_for", "all"),
    ("protection-standard", "transfer.unsafe_channel_scope", "all"),
    ("archive-custody", "handover.deadline_working_days", 10),
    ("archive-custody", "backup.schedule", {"incremental_days": 1, "full_days": 7}),
    ("archive-custody", "inventory.period_months", 3),
    ("archive-custody", "inspection.sample_percent", 10),
    ("archive-custody", "audit.special_period_months", 12),
    ("rural-cooperative", "inventory.period_months", 12),
    ("rural-cooperative", "inspection.annual_window", "january"),
    ("rural-cooperative", "transfer.unsafe_channel_scope", "all"),
    ("bank-notice", "destroy.min_persons", 2),
    ("crm", "revision.period_months", 2),
    ("securities-branch", "storage.video_required", True),
    ("property-management", "collection.third_party_authorisation", False),
    ("company-rules", "approval.internal", ["archivist", "general_manager"]),
    ("property-management", "approval.cross_department", ["general_manager"]),
    ("archive-scope", "segment.importance_tiers", ["main", "general", "scattered"]),
    ("general-measures", "collection.notice_elements", ["purpose"]),
    ("general-measures", "share.customer_consent", True),
]


def profile(name: str) -> Described:
    return described(policy_root(), name)


def test_every_text_has_a_profile_and_every_profile_a_text() -> None:
    texts = [profile(name).text for name in NAMES]
    assert sorted(texts) == sorted(TEXTS)


@pytest.mark.parametrize(("name", "setting", "value"), SAID)
def test_a_profile_says_what_its_text_does(name: str, setting: str, value: Any) -> None:
    assert value_of(rule_book(policy_root(), name), setting) == value


def _named_by_clauses(text: str) -> set[str]:
    """The settings that the clauses name where they quote the text among those that disagree."""
    number, _, short = text.partition("/")
    quoted = rf"001/{re.escape(short)}(?!\w)" if short else rf"(?<![\d/.]){number}(?!\d)"
    catalogue = tomllib.loads((ROOT / "regulation" / "clauses.toml").read_text("utf-8"))
    found: set[str] = set()
    for clause in catalogue["clause"]:
        told, _, settings = clause.get("conflict", "").partition("Setting")
        if settings and re.search(quoted, told):
            found |= set(re.findall(r"\b([a-z]+\.[a-z_]+)\b", settings))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_on_which_the_text_has_a_word_is_followed_or_kept_with_a_reason(name: str) -> None:
    """Clauses say where the texts disagree, and by which setting: none of them may be passed over."""
    found = profile(name)
    assert found.about is not None
    assert found.about.term
    missing = _named_by_clauses(found.text) - found.about.follows.keys() - found.about.kept.keys()
    assert not missing


@pytest.mark.parametrize("name", NAMES)
def test_the_posts_that_a_profile_names_may_sign_by_the_policies(name: str) -> None:
    rules = load_rules(profile=name)
    approval = rules.book.approval
    chains = {
        "confirm-archive": approval.archive_creation,
        "approve-update": approval.update,
        "approve-use": tuple({post for chain in approval.use.values() for post in chain}),
        "approve-share": approval.external,
        "approve-destroy": approval.destroy,
    }
    for action, posts in chains.items():
        for post in posts:
            who = Principal(
                id="person:one", kind="person", roles=frozenset({post}), department="any", clearance=Level.CORE,
                signing_keys=(), receiving_keys=(),
            )  # fmt: skip
            assert rules.authorizer.allows(who, action, Level.BASIC, "account_service"), (action, post)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.clause("STO-10", "STO-11")
def test_each_class_of_each_profile_has_a_lawful_period(name: str) -> None:
    rules = load_rules(profile=name)
    retention = rules.book.retention
    assert not rules.classless
    low, high = TRANSACTION_YEARS
    assert low <= retention.years_by_class["transactions"] <= high
    for each, years in retention.statutory_minimum.items():
        assert retention.years_by_class[each] >= years


@pytest.mark.clause("ARR-03", "ARR-04")
def test_the_text_on_sensitive_information_raises_whatever_describes_a_person() -> None:
    fields = load_rules(profile="sensitive-information").catalogue.fields
    describing = ("name", "gender", "nationality", "occupation", "city", "birth_date", "phone", "address")
    assert {name: fields[name].level for name in describing} == dict.fromkeys(describing, Level.SENSITIVE)


@pytest.mark.clause("COL-02", "ARR-15")
def test_a_household_is_collected_with_hobbies_and_without_accounts() -> None:
    rules = load_rules(profile="property-management")
    wanted = rules.catalogue.purposes["account_service"].fields
    assert "interests" in wanted
    assert not {"account_number", "last_transaction_amount", "call_transcript"} & set(wanted)
    forms = rules.forms.forms.values()
    assert {form.item for form in forms if "account_service" in form.purposes} == set(
        rules.book.arrange.household_papers
    )
    assert set(rules.catalogue.purposes) == {purpose for form in forms for purpose in form.purposes}


def own(tmp_path: Path, rules: str, about: str | None = None) -> Path:
    """A policies folder with a profile ``ours``."""
    root = tmp_path / "policies"
    shutil.copytree(policy_root(), root, ignore=shutil.ignore_patterns("__pycache__"))
    folder = root / "profiles" / "ours"
    folder.mkdir()
    (folder / "rules.toml").write_text(rules, "utf-8")
    if about is not None:
        (folder / "profile.toml").write_text(about, "utf-8")
    return root


_ABOUT: Final = 'title = "t"\napplies_to = "us"\n'
_RULES: Final = "[inventory]\nperiod_months = 6\n"


@pytest.mark.parametrize(
    "about",
    [
        'text = "004"\n' + _ABOUT,
        'text = "004"\n' + _ABOUT + '[follows]\n"inventory.period_months" = "art. 1"\n"revision.period_months" = "art. 2"\n',
        _ABOUT + '[follows]\n"inventory.weeks" = "art. 1"\n',
        _ABOUT + '[follows]\n"encryption.algorithm" = "art. 1"\n',
        _ABOUT + '[follows]\n"inventory.period_months" = "a"\n[kept]\n"inventory.period_months" = "b"\n',
        _ABOUT + "other = 1\n",
    ],
    ids=["no article", "one too many", "no such setting", "nothing sets it", "both", "unknown member"],
)  # fmt: skip
def test_a_profile_whose_articles_do_not_fit_its_rules_is_refused(tmp_path: Path, about: str) -> None:
    with pytest.raises(DanganError) as refused:
        described(own(tmp_path, _RULES, about), "ours")
    assert refused.value.code == ("DG-POL-015" if 'text = "004"' in about else "DG-OPS-030")
    assert "errors.pydantic.dev" not in str(refused.value)


def test_an_organisations_own_profile_needs_no_articles_and_may_have_forms(tmp_path: Path) -> None:
    root = own(tmp_path, _RULES)
    forms = root / "profiles" / "ours" / "forms"
    forms.mkdir()
    (forms / "only.toml").write_text(
        'title = "t"\nitem = "customer"\npurposes = ["marketing"]\n[versions.1]\nfields = ["name"]\n', "utf-8"
    )
    found = described(root, "ours")
    assert (found.text, found.forms, dict(found.settings)) == ("", ("only",), {"inventory.period_months": 6})
    forms = load_rules(root, "ours").forms.forms
    assert "only@1" in forms
    assert "prospect@1" not in forms  # the shipped one for that purpose
    assert "retail@2" in forms
    assert rules_of(Settings(policies=root, profile="ours")).book.inventory.period_months == 6
    assert people_rules(Settings(policies=root, profile="ours")) == People()


def test_words_that_switch_a_protection_off_are_refused(tmp_path: Path) -> None:
    root = own(tmp_path, '[segment]\nimportance_tiers = ["main"]\nreview_months = { main = 2 }\n')
    with pytest.raises(DanganError) as refused:
        load_rules(root, "ours")
    assert refused.value.code == "DG-OPS-030"
    assert "important_customers" in str(refused.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.clause("SEC-07", "SHR-12")
def test_the_words_that_policies_protect_by_can_be_said(name: str) -> None:
    book = load_rules(profile=name).book
    limits = (policy_root() / "cedar" / "limits.cedar").read_text("utf-8")
    assert set(re.findall(r'resource\.special == "(\w+)"', limits)) <= set(book.segment.special)


def run(*words: str) -> str:
    result = CliRunner().invoke(build("profile"), ["profile", *words], env={"COLUMNS": "200"})
    if isinstance(result.exception, DanganError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_commands_list_show_and_compare() -> None:
    assert all(name in run("list") for name in (*NAMES, "trial"))
    assert {line["text"] for line in json.loads(run("list", "--json"))} == {*TEXTS, ""}
    shown = run("show", "rural-cooperative")
    assert "art. 17(3)" in shown
    assert "client_manager, director" in shown
    assert "household" in run("show", "property-management")
    told = json.loads(run("show", "crm", "--json"))
    assert {line["setting"] for line in told["settings"]} == profile("crm").settings.keys()
    assert "steward_manager" in run("compare", "approval.update")
    differ = json.loads(run("compare", "--json"))
    assert differ["inventory.period_months"]["rural-cooperative"] == 12
    assert "backup.places" not in differ
    for words, code in ((("show", "none"), "DG-POL-013"), (("compare", "no.such"), "DG-POL-014")):
        with pytest.raises(DanganError) as refused:
            run(*words)
        assert refused.value.code == code


def test_the_page_is_as_the_profiles_are() -> None:
    """``python -m ops.docs.profiles docs/profiles.md`` writes it anew."""
    assert (ROOT / "docs" / "profiles.md").read_text("utf-8") == page.text()
