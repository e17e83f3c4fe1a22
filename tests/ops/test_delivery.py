"""Nothing of customers is saved outside approved folders, or at a shared terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import delivery
from ops.config import load_settings
from ops.rules import load_rules
from schemas.errors import DanganError


def test_the_trial_profile_saves_anywhere(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home", {"DANGAN_PROFILE": "trial"})
    delivery.check_delivery(settings, tmp_path / "elsewhere" / "extract.csv")


@pytest.mark.clause("STO-01")
def test_a_folder_that_nobody_approved_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home", {})
    delivery.check_delivery(settings, settings.home / "extracts" / "extract.csv")
    for folder, code in ((tmp_path / "elsewhere", "DG-BAK-020"), (Path("/media/stick"), "DG-BAK-022")):
        with pytest.raises(DanganError) as refused:
            delivery.check_delivery(settings, folder / "extract.csv")
        assert refused.value.code == code


@pytest.mark.clause("STO-17")
def test_a_shared_terminal_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(tmp_path / "home", {})
    monkeypatch.setattr(delivery.platform, "node", lambda: "Front.Desk")
    rules = load_rules()
    use = rules.book.use.model_copy(update={"shared_terminals": (delivery.this_terminal(),)})
    book = rules.book.model_copy(update={"use": use})
    monkeypatch.setattr(delivery, "rules_of", lambda _: type("Rules", (), {"book": book}))
    with pytest.raises(DanganError) as refused:
        delivery.check_delivery(settings, settings.home / "extract.csv")
    assert refused.value.code == "DG-USE-014"
