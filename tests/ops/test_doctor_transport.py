"""The doctor warns of services on other machines that are reached in the open."""

from __future__ import annotations

import pytest

from ops.doctor.transport import examine_transport
from schemas.settings import Settings


@pytest.mark.clause("SHR-07")
@pytest.mark.parametrize(
    ("values", "services"),
    [
        ({}, set()),
        ({"kafka_bootstrap": "localhost:9092,[::1]:9093"}, set()),
        ({"kafka_bootstrap": "127.0.0.1:9092,kafka-2:9092"}, {"Kafka"}),
        ({"kafka_bootstrap": "kafka-1:9092", "kafka_security": "tls"}, set()),
        ({"vault_addr": "http://vault:8200"}, {"Vault"}),
        ({"vault_addr": "https://vault:8200"}, set()),
        ({"mongo_uri": "mongodb://mongo-1,mongo-2/?replicaSet=a"}, {"MongoDB"}),
        ({"mongo_uri": "mongodb://mongo-1,mongo-2/?replicaSet=a&TLS=true"}, set()),
        ({"mongo_uri": "mongodb://mongo-1/?tls=true&tlsAllowInvalidCertificates=true"}, {"MongoDB"}),
        ({"mongo_uri": "mongodb://mongo-1/?tls=true&tlsInsecure=true"}, {"MongoDB"}),
        ({"vault_addr": "http://[::1"}, set()),
        ({"mongo_uri": "mongodb+srv://mongo.example.com/"}, set()),
        ({"mongo_uri": "mongodb+srv://mongo.example.com/?tls=false"}, {"MongoDB"}),
        ({"mongo_uri": "mongodb://%2Ftmp%2Fmongodb.sock"}, set()),
    ],
)
def test_services_on_other_machines_without_tls_are_warned_of(values: dict[str, str], services: set[str]) -> None:
    found = examine_transport(Settings.model_validate(values))
    assert {each.check for each in found} == services
    assert {each.verdict for each in found} <= {"warning"}
    assert all("mongo" not in each.found for each in found)
