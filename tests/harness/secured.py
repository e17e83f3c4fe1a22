"""Services that are spoken to over TLS: certificates of an authority made for the test, a broker that asks who comes.

Beside the listeners that the launcher uses, the broker gets two more: one over TLS with a login (SASL SCRAM or PLAIN), and one
over TLS that asks for the client's certificate. Vault gets a second listener over TLS.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ops.embedded import kafka, vault
from ops.embedded.program import Service
from ops.embedded.stack import Stack
from ops.private_files import private_folder, write_private
from tests.harness.services import own_services

USER, PASSWORD = "archive", "correct-horse-7"

_KAFKA = """\
listener.name.login.ssl.keystore.type=PEM
listener.name.login.ssl.keystore.location={folder}/broker.pem
listener.name.login.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
listener.name.login.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.login.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{user}="{password}";
listener.name.mutual.ssl.keystore.type=PEM
listener.name.mutual.ssl.keystore.location={folder}/broker.pem
listener.name.mutual.ssl.truststore.type=PEM
listener.name.mutual.ssl.truststore.location={folder}/ca.pem
listener.name.mutual.ssl.client.auth=required
"""
_VAULT = """
listener "tcp" {{
  address         = "127.0.0.1:{tls}"
  cluster_address = "127.0.0.1:{tls_cluster}"
  tls_cert_file   = "FOLDER/server.pem"
  tls_key_file    = "FOLDER/server.key"
}}
"""


class Authority:
    """Issues certificates for 127.0.0.1 into a folder: ``NAME.pem`` and ``NAME.key``, both of them in ``NAME.both``."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = private_folder(folder)
        self.file = folder / f"{name}.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} of a test")])
        made = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, None), critical=True)
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        signed = self._builder(subject, key).add_extension(address, critical=False).sign(self._key, hashes.SHA256())
        certificate = signed.public_bytes(serialization.Encoding.PEM)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        pem, file = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        write_private(pem, certificate)
        write_private(file, secret)
        return pem, file

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=2))
        )


@dataclass(frozen=True)
class Secured:
    """Services with their secured addresses.

    Attributes:
        login: Kafka over TLS, where one logs in.
        mutual: Kafka over TLS, which asks for a certificate.
        vault: Vault over TLS.
    """

    stack: Stack
    authority: Authority
    login: str
    mutual: str
    vault: str


@contextmanager
def secured_services(folder: Path) -> Iterator[Secured]:
    """Services in a folder of their own, stopped at the end."""
    authority = Authority(folder / "pki")
    for name in ("broker", "server"):
        pem, key = authority.issue(name)
        if name == "broker":
            write_private(pem, key.read_bytes() + pem.read_bytes())
    properties = kafka._SERVER_PROPERTIES
    secured = "LOGIN://127.0.0.1:{login},MUTUAL://127.0.0.1:{mutual}"
    properties = properties.replace(
        "listeners=PLAINTEXT://127.0.0.1:{kafka},CONTROLLER",
        f"listeners=PLAINTEXT://127.0.0.1:{{kafka}},{secured},CONTROLLER",
    )
    properties = properties.replace(
        "advertised.listeners=PLAINTEXT://127.0.0.1:{kafka}",
        f"advertised.listeners=PLAINTEXT://127.0.0.1:{{kafka}},{secured}",
    )
    properties = properties.replace("CONTROLLER:PLAINTEXT", "CONTROLLER:PLAINTEXT,LOGIN:SASL_SSL,MUTUAL:SSL")
    properties += _KAFKA.format(folder=authority.folder, user=USER, password=PASSWORD)
    hcl = vault._SERVER_HCL + _VAULT.replace("FOLDER", str(authority.folder))
    with (
        patch.object(kafka, "_SERVER_PROPERTIES", properties),
        patch.object(kafka.KafkaBroker, "port_names", ("kafka", "controller", "login", "mutual")),
        patch.object(vault, "_SERVER_HCL", hcl),
        patch.object(vault.Vault, "port_names", ("vault", "cluster", "tls", "tls_cluster")),
        own_services(folder / "home") as stack,
    ):
        ports = {**stack._state.services[Service.KAFKA].ports, **stack._state.services[Service.VAULT].ports}
        _let_in(stack.settings.kafka_bootstrap)
        yield Secured(
            stack,
            authority,
            f"127.0.0.1:{ports['login']}",
            f"127.0.0.1:{ports['mutual']}",
            f"https://127.0.0.1:{ports['tls']}",
        )


def _let_in(bootstrap: str) -> None:
    """Give the test's user a password."""
    wanted = UserScramCredentialUpsertion(
        USER, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), PASSWORD.encode()
    )
    admin = AdminClient({"bootstrap.servers": bootstrap})  # kept: its end would end what it was asked
    for done in admin.alter_user_scram_credentials([wanted]).values():
        done.result(timeout=20)
