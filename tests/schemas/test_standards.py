"""Catalogue, taxonomy, forms, kinds of item and notices: what contradicts itself is refused at start."""

from __future__ import annotations

import copy
import shutil
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.rules import load_rules
from schemas import taxonomy
from schemas.catalogue import Catalogue
from schemas.errors import DanganError, Refusal
from schemas.forms import Forms
from schemas.levels import Level
from schemas.notices import notices_from
from schemas.values import normalise

POLICIES = Path(str(files("policies")))
RULES = load_rules()
MAP = RULES.book.taxonomy.category_map
RAW = tomllib.loads((POLICIES / "catalogue.toml").read_text("utf-8"))
FORM: dict[str, Any] = {
    "title": "x",
    "item": "customer",
    "purposes": ["account_service"],
    "versions": {"1": {"fields": ["name", "city"], "mandatory": ["name"]}},
}
ITEMS: dict[str, Any] = {"customer": {"title": "x", "category": "basic"}}


def refused_form(name: str = "retail", items: dict[str, Any] | None = None, **changes: Any) -> str:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the caller compares the words
        Forms.from_mappings({name: {**FORM, **changes}}, items or ITEMS, RULES.catalogue, MAP)
    return str(error.value)


def catalogue_with(**changes: Any) -> dict[str, Any]:
    data = copy.deepcopy(RAW)
    data["fields"]["city"] |= changes
    return data


@pytest.mark.clause("ARR-02")
def test_every_word_of_the_other_texts_has_one_unified_category() -> None:
    taxonomy.check_map(MAP)
    for text, words in taxonomy.WORDS.items():
        for word in words:
            assert taxonomy.unified(f"{text}/{word}", MAP) in taxonomy.CATEGORIES


@pytest.mark.clause("ARR-02")
@given(gone=st.sampled_from(sorted(MAP)))
def test_a_map_without_one_of_the_words_is_refused(gone: str) -> None:
    with pytest.raises(ValueError, match="lacks"):
        taxonomy.check_map({word: category for word, category in MAP.items() if word != gone})


@pytest.mark.clause("ARR-02")
def test_a_map_to_what_is_no_category_is_refused() -> None:
    with pytest.raises(ValueError, match="no unified category"):
        taxonomy.check_map({**MAP, "000/basic": "everything"})
    with pytest.raises(ValueError, match="maps unified"):
        taxonomy.check_map({**MAP, "basic": "other"})


@pytest.mark.clause("ARR-01", "ARR-02")
@given(word=st.text(max_size=12))
def test_a_field_or_item_of_an_unmapped_category_is_refused(word: str) -> None:
    if word in taxonomy.CATEGORIES or word in MAP:
        return
    with pytest.raises(ValueError, match="city"):
        Catalogue.from_mapping(catalogue_with(category=word), category_map=MAP)
    with pytest.raises(ValueError, match="customer"):
        Forms.from_mappings({}, {"customer": {"title": "x", "category": word}}, RULES.catalogue, MAP)


@pytest.mark.clause("ARR-02")
def test_another_texts_word_becomes_the_unified_category() -> None:
    made = Catalogue.from_mapping(catalogue_with(category="003/assessment"), category_map=MAP)
    assert made.field("city").category == "other.assessment"
    assert RULES.forms.items["voucher"].category == "transaction.voucher"


@pytest.mark.clause("ARR-03")
@pytest.mark.parametrize("member", ["level", "category"])
def test_a_field_without_tier_or_category_is_refused(member: str) -> None:
    data = copy.deepcopy(RAW)
    del data["fields"]["city"][member]
    with pytest.raises(ValueError, match=member):
        Catalogue.from_mapping(data, category_map=MAP)


@pytest.mark.clause("ARR-03")
@given(name=st.sampled_from(sorted(RULES.catalogue.fields)), level=st.sampled_from(list(Level)))
def test_a_tier_is_only_ever_raised(name: str, level: Level) -> None:
    before = RULES.catalogue.field(name).level
    try:
        after = Catalogue.from_mapping(RAW, category_map=MAP, tiers={name: level})
    except ValueError:
        assert level.rank < before.rank
    else:
        assert level.rank >= before.rank
        assert after.field(name).level is after.needed_field(name, _purpose_of(name)).level is level


def _purpose_of(field: str) -> str:
    return next((name for name, purpose in RULES.catalogue.purposes.items() if field in purpose.fields), "")


@pytest.mark.clause("ARR-03")
def test_a_persons_name_is_sensitive_and_an_organisations_is_not() -> None:
    fields = RULES.catalogue.fields
    assert (fields["name"].level, fields["organisation_name"].level) == (Level.SENSITIVE, Level.BASIC)
    assert fields["id_number"].level is fields["account_number"].level is Level.CORE


@pytest.mark.clause("ARR-05")
def test_derived_fields_have_category_tier_and_a_form_of_their_own() -> None:
    derived = {name for name, spec in RULES.catalogue.fields.items() if spec.category == taxonomy.DERIVED}
    assert derived == {"consumption_profile"}
    assert RULES.forms.items[RULES.forms.forms["profile@1"].item].category == taxonomy.DERIVED


@pytest.mark.clause("COL-02")
def test_the_rule_book_says_which_fields_a_purpose_needs() -> None:
    made = Catalogue.from_mapping(RAW, category_map=MAP, fields_by_purpose={"marketing": ("name", "occupation")})
    assert made.needed_field("occupation", "marketing").kind == "text"
    with pytest.raises(Refusal) as refused:
        made.needed_field("phone", "marketing")
    assert (refused.value.code, refused.value.field) == ("DG-COL-005", "phone")
    for wrong in ({"marketing": ("shoe_size",)}, {"curiosity": ("name",)}):
        with pytest.raises(ValueError, match="unknown"):
            Catalogue.from_mapping(RAW, category_map=MAP, fields_by_purpose=wrong)


@pytest.mark.clause("COL-08", "ARR-03", "ARR-09")
def test_a_form_that_could_not_be_kept_to_is_not_registered() -> None:
    version = {"fields": ["name", "shoe_size"]}
    assert "without tier and category: shoe_size" in refused_form(versions={"1": version})
    assert "does not have: phone" in refused_form(versions={"1": {"fields": ["name"], "mandatory": ["phone"]}})
    assert "does not need: id_number" in refused_form(
        purposes=["marketing"], versions={"1": {"fields": ["name", "id_number"]}}
    )
    assert "unknown purpose" in refused_form(purposes=["curiosity"])
    assert "no kind of item" in refused_form(item="other")
    assert "unknown fields" in refused_form(items={"customer": {**ITEMS["customer"], "required": [["shoe_size"]]}})


@pytest.mark.clause("ARR-09")
def test_a_later_version_adds_fields_and_takes_none_away() -> None:
    one, two = {"fields": ["name", "city"]}, {"fields": ["name", "city", "phone"]}
    made = Forms.from_mappings({"f": {**FORM, "versions": {"1": one, "2": two}}}, ITEMS, RULES.catalogue, MAP)
    assert made.forms["f@2"].fields - made.forms["f@1"].fields == {"phone"}
    assert "takes away phone" in refused_form(versions={"1": two, "2": one})


@pytest.mark.clause("ARR-09")
def test_one_standard_for_each_kind_of_item_and_purpose() -> None:
    with pytest.raises(ValueError, match="both for customer and account_service"):
        Forms.from_mappings({"one": FORM, "two": FORM}, ITEMS, RULES.catalogue, MAP)


@pytest.mark.clause("COL-03")
def test_a_notice_is_never_changed_under_its_name() -> None:
    (file,) = POLICIES.glob("notices/marketing-1.toml")
    data = tomllib.loads(file.read_text("utf-8"))
    assert notices_from({"n": data}, ["marketing"])["n"].covers_consent_to(data["sha256"])
    with pytest.raises(ValueError, match="not the digest"):
        notices_from({"n": {**data, "text": data["text"] + " "}}, ["marketing"])
    with pytest.raises(ValueError, match="unknown purposes"):
        notices_from({"n": data}, ["account_service"])


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("rules.toml", '"003/other" = "other"', ""),
        ("rules.toml", "[taxonomy", '[consent]\nlegal_exemptions = ["consent"]\n[taxonomy'),
        ("forms/retail.toml", 'item = "customer"', 'item = "nothing"'),
        ("notices/marketing-1.toml", "24个月", "25个月"),
        ("catalogue.toml", 'category = "feedback"', 'category = "gossip"'),
    ],
)
def test_the_worker_does_not_start_with_standards_that_contradict_themselves(
    tmp_path: Path, file: str, old: str, new: str
) -> None:
    folder = tmp_path / "policies"
    shutil.copytree(POLICIES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    load_rules(folder)
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(DanganError) as refused:
        load_rules(folder)
    assert refused.value.code == "DG-OPS-030"


@pytest.mark.parametrize("value", ["91110000600037341L", " 91110000600037341l "])
def test_a_credit_code_is_checked_by_the_library_and_normalised(value: str) -> None:
    spec = RULES.catalogue.field("uscc")
    assert spec.index
    assert normalise("uscc", spec, value) == "91110000600037341L"
    for wrong in ("91110000600037342L", "9111000060003734", "x"):
        with pytest.raises(Refusal, match="credit code"):
            normalise("uscc", spec, wrong)


def test_a_moment_has_an_offset() -> None:
    spec = RULES.catalogue.field("handled_at")
    assert normalise("handled_at", spec, "2027-01-15T08:00:00Z") == "2027-01-15T08:00:00+00:00"
    for wrong in ("2027-01-15T08:00:00", "2027-02-30T08:00:00Z", "yesterday"):
        with pytest.raises(Refusal):
            normalise("handled_at", spec, wrong)
