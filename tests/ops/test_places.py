"""Where nothing of a customer may be written: unlisted, unapproved, personal, near, unencrypted. By the strictest rules."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ops.backups.locations import is_personal
from ops.backups.places import ListedDirectory, approved_places, check_folder, check_place, known_places, listed_places
from ops.rules import load_rules
from schemas.errors import DanganError
from schemas.rule_tables.backup import Backup
from schemas.settings import Settings

STRICT = load_rules().book.backup
GOOD = {"site": "shanghai-2", "encrypted": True, "approved": True}


def place(**changes: Any) -> ListedDirectory:
    return ListedDirectory.model_validate({"name": "east", "path": "/srv/backups/east", **GOOD, **changes})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def listing(settings: Settings, *places: dict[str, Any], site: str = "shanghai-1") -> None:
    lines = [f'site = "{site}"']
    for each in places:
        lines += ["[[place]]", *(f"{name} = {json.dumps(value)}" for name, value in each.items())]
    settings.home.mkdir(exist_ok=True)
    (settings.home / "places.toml").write_text("\n".join(lines) + "\n")


def two(tmp_path: Path, **changes: Any) -> list[dict[str, Any]]:
    return [
        {"name": name, "kind": "directory", "path": str(tmp_path / name), **GOOD, **(changes if name == "west" else {})}
        for name in ("east", "west")
    ]


def refused(settings: Settings, code: str, field: str | None = None) -> None:
    with pytest.raises(DanganError, match=code) as told:
        approved_places(settings, STRICT)
    assert told.value.field == field


@pytest.mark.clause("STO-01")
def test_without_a_list_of_approved_places_nothing_is_written(settings: Settings) -> None:
    refused(settings, "DG-BAK-020", "a")
    assert [each.name for each in known_places(settings)] == ["a", "b"]
    relaxed = load_rules(profile="trial").book.backup
    assert [each.name for each in approved_places(settings, relaxed)] == ["a", "b"]


@pytest.mark.clause("STO-01")
def test_one_place_that_is_not_approved_stops_all(settings: Settings, tmp_path: Path) -> None:
    listing(settings, *two(tmp_path))
    assert [each.name for each in approved_places(settings, STRICT)] == ["east", "west"]
    listing(settings, *two(tmp_path, approved=False))
    refused(settings, "DG-BAK-021", "west")


@pytest.mark.clause("STO-01")
@pytest.mark.parametrize(
    "path", ["/home/user/backups", "/root/x", "/media/usb", "/run/media/user/STICK", "/Volumes/STICK"]
)
def test_a_persons_folder_and_a_removable_drive_are_refused_though_approved(path: str) -> None:
    with pytest.raises(DanganError, match="DG-BAK-022"):
        check_place(place(path=path), "shanghai-1", STRICT)


@pytest.mark.clause("STO-01")
def test_a_link_to_a_persons_folder_does_not_help(tmp_path: Path) -> None:
    (tmp_path / "backups").symlink_to("/home/user/backups")
    with pytest.raises(DanganError, match="DG-BAK-022"):
        check_place(place(path=str(tmp_path / "backups")), "shanghai-1", STRICT)


@pytest.mark.clause("STO-01")
@pytest.mark.parametrize("says", ["0", "1"])
def test_the_kernel_tells_which_drives_are_removable(tmp_path: Path, says: str) -> None:
    number = tmp_path.stat().st_dev
    drive = tmp_path / "block" / "sda"
    (drive / "sda1").mkdir(parents=True)
    (drive / "removable").write_text(f"{says}\n")
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / f"{os.major(number)}:{os.minor(number)}").symlink_to(drive / "sda1")
    assert is_personal(tmp_path / "not" / "there" / "yet", tmp_path / "dev") is (says == "1")


@pytest.mark.clause("STO-06")
@pytest.mark.parametrize(
    ("site", "primary"), [("shanghai-1", "shanghai-1"), (None, "shanghai-1"), ("shanghai-2", None)]
)
def test_a_place_at_the_primary_stores_site_or_at_no_known_one_is_refused(
    site: str | None, primary: str | None
) -> None:
    with pytest.raises(DanganError, match="DG-BAK-023"):
        check_place(place(site=site), primary, STRICT)


@pytest.mark.clause("STO-06")
def test_a_place_that_is_not_encrypted_is_refused(settings: Settings, tmp_path: Path) -> None:
    listing(settings, *two(tmp_path, encrypted=False))
    refused(settings, "DG-BAK-024", "west")


@pytest.mark.clause("STO-06", "STO-01")
@given(
    site=st.sampled_from([None, "shanghai-1", "shanghai-2"]),
    encrypted=st.booleans(),
    approved=st.booleans(),
    path=st.sampled_from(["/srv/x", "/home/lee/x", "/media/x"]),
)
def test_by_the_strictest_rules_no_place_is_ever_taken_that_lacks_anything(
    site: str | None, encrypted: bool, approved: bool, path: str
) -> None:
    good = site == "shanghai-2" and encrypted and approved and path == "/srv/x"
    try:
        check_place(place(site=site, encrypted=encrypted, approved=approved, path=path), "shanghai-1", STRICT)
    except DanganError:
        assert not good
    else:
        assert good


def test_fewer_places_than_demanded_are_refused(settings: Settings, tmp_path: Path) -> None:
    listing(settings, two(tmp_path)[0])
    refused(settings, "DG-BAK-026")


@pytest.mark.parametrize(
    "text",
    [
        "place = 1",
        "[[place]]\nname = 'x'",
        "[[place]]\nname='x'\nkind='tape'\npath='/x'",
        "site = 'A b'",
        "[[",
        "x = 1",
    ],
)
def test_a_list_that_says_something_else_is_refused(settings: Settings, text: str) -> None:
    settings.home.mkdir()
    (settings.home / "places.toml").write_text(text)
    with pytest.raises(DanganError, match="DG-BAK-025"):
        listed_places(settings)


def test_two_places_of_one_name_are_refused(settings: Settings, tmp_path: Path) -> None:
    listing(settings, two(tmp_path)[0], two(tmp_path)[0])
    with pytest.raises(DanganError, match="DG-BAK-025"):
        listed_places(settings)


@pytest.mark.clause("STO-06")
def test_two_names_for_one_place_are_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "east").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "east")
    east, west = two(tmp_path)
    for same in (east["path"], str(tmp_path / "x" / ".." / "east"), str(tmp_path / "link"), "../east"):
        listing(settings, east, west | {"path": same})
        with pytest.raises(DanganError, match="DG-BAK-025") as told:
            listed_places(settings)
        assert told.value.detail == "two names for one place"
    cloud = {"name": "c1", "kind": "s3", "bucket": "archive", "prefix": "a/", "endpoint": "https://S3.example.com/"}
    listing(settings, cloud, cloud | {"name": "c2", "endpoint": "https://s3.example.com", "region": "cn-north-1"})
    with pytest.raises(DanganError, match="DG-BAK-025"):
        listed_places(settings)
    for other in ({"prefix": "b/"}, {"bucket": "archive2"}, {"endpoint": "https://s3.example.org"}):
        listing(settings, cloud, cloud | {"name": "c2"} | other)
        assert len(listed_places(settings).place) == 2


@pytest.mark.clause("STO-01")
def test_an_export_goes_only_below_the_home_or_an_approved_place(settings: Settings, tmp_path: Path) -> None:
    listing(settings, *two(tmp_path, approved=False))
    check_folder(settings, settings.home / "exports", STRICT)
    check_folder(settings, tmp_path / "east" / "plain", STRICT)
    for folder, code in (
        (tmp_path / "elsewhere", "DG-BAK-020"),
        (tmp_path / "east" / ".." / "elsewhere", "DG-BAK-020"),
        (tmp_path / "west" / "plain", "DG-BAK-021"),
        (Path("/home/lee/plain"), "DG-BAK-022"),
    ):
        with pytest.raises(DanganError, match=code):
            check_folder(settings, folder, STRICT)
    check_folder(settings, tmp_path / "elsewhere", load_rules(profile="trial").book.backup)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 92))
def test_a_schedule_may_be_written_in_part(days: int) -> None:
    assert Backup(schedule={"incremental_days": days}).schedule == {"incremental_days": days, "full_days": 7}
