"""Where Kafka is and how it is spoken to: in the open on one machine, over TLS elsewhere, with SASL where it asks who.

Everything that connects takes a :class:`Kafka`, so that no client can be forgotten.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from keys.tls import verifying
from schemas.errors import DanganError
from schemas.settings import Settings

_PROTOCOLS: Final = {"plaintext": "PLAINTEXT", "tls": "SSL", "sasl_tls": "SASL_SSL"}


@dataclass(frozen=True, slots=True)
class Kafka:
    """A cluster.

    Attributes:
        servers: ``host:port`` of brokers, comma separated.
        security: aiokafka's settings for TLS and SASL; none: plaintext. Holds a password, so it is not shown.
    """

    servers: str
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def client(self) -> dict[str, Any]:
        """What every client of aiokafka is made with."""
        return {"bootstrap_servers": self.servers, **self.security}


def kafka_of(settings: Settings) -> Kafka:
    """The cluster that an installation's settings name.

    Raises:
        DanganError: DG-OPS-011 for a certificate, key or list of authorities that cannot be used.
    """
    if settings.kafka_security == "plaintext":
        return Kafka(settings.kafka_bootstrap)
    security: dict[str, Any] = {
        "security_protocol": _PROTOCOLS[settings.kafka_security],
        "ssl_context": _context(settings),
    }
    if settings.kafka_security == "sasl_tls" and settings.kafka_password is not None:
        security |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
        }
    return Kafka(settings.kafka_bootstrap, MappingProxyType(security))


def _context(settings: Settings) -> ssl.SSLContext:
    """Verifies the broker, and shows our own certificate where there is one."""
    context = verifying(settings.kafka_ca_file, "kafka_ca_file")
    if settings.kafka_certificate_file is not None:
        try:
            context.load_cert_chain(settings.kafka_certificate_file, settings.kafka_key_file, _no_passphrase)
        except (OSError, _Locked) as error:  # ssl.SSLError is one; its reason names no content
            detail = getattr(error, "strerror", None) or str(error)
            raise DanganError("DG-OPS-011", field="kafka_certificate_file", detail=detail) from error
    return context


class _Locked(Exception):
    """A key that is sealed by a passphrase, which nobody is there to type."""


def _no_passphrase() -> str:
    raise _Locked("the key is sealed by a passphrase")
