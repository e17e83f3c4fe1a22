"""How Kafka is spoken to, as each library is told; and Faust hears nobody else."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import faust
import pytest

from schemas.errors import DanganError
from schemas.settings import Settings
from streams.app import make_app
from streams.kafka import Kafka, kafka_of
from tests.harness.secured import Authority


def app(kafka: Kafka, folder: Path) -> Any:
    return make_app(kafka, {}, datadir=folder, in_flight={}).conf


def test_faust_is_told_what_the_settings_say(tmp_path: Path) -> None:
    context = ssl.create_default_context()
    assert app(Kafka("a:1, b:2"), tmp_path).broker_credentials is None
    tls = app(Kafka("a:1", {"security_protocol": "SSL", "ssl_context": context}), tmp_path).broker_credentials
    assert isinstance(tls, faust.SSLCredentials)
    assert tls.context is context
    for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        said = {
            "ssl_context": context, "sasl_mechanism": mechanism, "sasl_plain_username": "u", "sasl_plain_password": "p"
        }  # fmt: skip
        login = app(Kafka("a:1", said), tmp_path).broker_credentials
        assert (login.protocol.value, login.mechanism.value) == ("SASL_SSL", mechanism)
        assert (login.username, login.password, login.ssl_context) == ("u", "p", context)


def test_faust_takes_nothing_from_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("BROKER_URL", "kafka://elsewhere:9092"), ("BROKER_CONSUMER_URL", "kafka://elsewhere:9092"),
        ("BROKER_CREDENTIALS", ""), ("PROCESSING_GUARANTEE", "exactly_once"), ("APP_DATADIR", "/elsewhere"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    conf = app(Kafka("a:1"), tmp_path)
    assert [str(url) for url in conf.broker] == ["kafka://a:1"]
    assert conf.processing_guarantee.value == "at_least_once"
    assert conf.datadir == tmp_path


def test_a_key_that_is_sealed_by_a_passphrase_is_refused_and_nobody_is_asked(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    authority = Authority(tmp_path)
    pem, key = authority.issue("client")
    secret = serialization.load_pem_private_key(key.read_bytes(), None)
    sealed = secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"words")
    )
    key.write_bytes(sealed)
    settings = Settings(
        kafka_security="tls", kafka_ca_file=authority.file, kafka_certificate_file=pem, kafka_key_file=key
    )
    with pytest.raises(DanganError) as refused:
        kafka_of(settings)
    assert (refused.value.code, refused.value.field) == ("DG-OPS-011", "kafka_certificate_file")
    assert "passphrase" in str(refused.value)
