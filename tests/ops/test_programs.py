"""Which program serves which service of a home."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.embedded.mongo import Mongo, MongoInRust
from ops.embedded.program import Service
from ops.embedded.programs import STORE_VARIABLE, kind_of, program_of
from ops.embedded.state import ServiceState
from schemas.errors import DanganError


def test_a_home_keeps_the_store_that_it_was_made_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    assert kind_of(Service.MONGO, "auto", None) == Mongo.kind
    monkeypatch.setenv(STORE_VARIABLE, MongoInRust.kind)
    kind = kind_of(Service.MONGO, "auto", None)
    assert type(program_of(tmp_path, Service.MONGO, kind)) is MongoInRust
    assert kind_of(Service.MONGO, "auto", ServiceState(kind=Mongo.kind)) == Mongo.kind
    monkeypatch.setenv(STORE_VARIABLE, "")
    assert kind_of(Service.MONGO, "auto", ServiceState(kind=kind)) == MongoInRust.kind


def test_a_store_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORE_VARIABLE, "mongod")
    with pytest.raises(DanganError) as refused:
        kind_of(Service.MONGO, "auto", None)
    assert refused.value.code == "DG-OPS-022"
    assert (refused.value.field, refused.value.detail) == (STORE_VARIABLE, "secantusd, secantusd-rs")
