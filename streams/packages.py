"""Packages for recipients (共享文件包): the two layers of a reply, for somebody who has no connection to the archive.

A compact JWE (``dangan-package+jwe``, to the recipient's X25519 key) of a compact JWS (``dangan-package+jws``) by the
process that made it, with its certificate (streams/writer.py). docs/sharing.md says how to open one with any library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from keys.okp import ReceivingKey
from schemas import wire
from schemas.errors import DanganError, Refusal
from schemas.principals import PublicKey
from schemas.sharing import TYP_PACKAGE_JWE, TYP_PACKAGE_JWS
from schemas.topics import MAX_MESSAGE_BYTES
from schemas.trust import Trust
from streams import compact
from streams.writer import WriterIdentity, certified_writer

_MEMBERS: Final = frozenset({"iat", "pid", "aud", "wcert"})


class PackageSealer:
    """Makes packages in the name of this process.

    Args:
        identity: the process's, as it is now: it is renewed while the process runs.
    """

    def __init__(self, identity: Callable[[], WriterIdentity]) -> None:
        self._identity = identity

    def seal(self, content: bytes, *, recipient: PublicKey, package: str, at: int) -> str:
        """Sign and encrypt.

        Args:
            content: the JSON.
            recipient: the key that opens it.
            package: its id.
            at: the time of signing, UNIX seconds.
        """
        writer = self._identity()
        header = {
            "kid": writer.key.kid,
            "typ": TYP_PACKAGE_JWS,
            "iat": at,
            "pid": package,
            "aud": recipient.kid,
            "wcert": writer.cert,
        }
        signed = compact.sign(content, header, writer.key.private)
        return compact.seal(signed, typ=TYP_PACKAGE_JWE, kid=recipient.kid, x=recipient.x).decode()


@dataclass(frozen=True, slots=True)
class OpenedPackage:
    """A package whose seal, signature and writer hold: its id, the JSON, when it was made (UNIX seconds)."""

    package: str
    content: bytes = field(repr=False)
    at: int


def open_package(value: bytes, *, key: ReceivingKey, trust: Trust) -> OpenedPackage:
    """Decrypt and verify a package.

    Args:
        value: the file, without white space.
        key: the recipient's.
        trust: holds the public keys of ``dangan-writers``.

    Raises:
        Refusal: DG-SHR-070. Never anything else, whatever the bytes.
    """
    try:
        return _opened(value, key, trust)
    except (compact.Malformed, compact.Undecryptable) as error:
        raise Refusal("DG-SHR-070", detail=str(error)) from None


def _opened(value: bytes, key: ReceivingKey, trust: Trust) -> OpenedPackage:
    if len(value) > MAX_MESSAGE_BYTES:
        raise compact.Malformed("size")
    sealed = compact.parse_sealed(value, typ=TYP_PACKAGE_JWE, max_protected=wire.MAX_PROTECTED)
    if sealed.kid != key.kid:
        raise compact.Malformed("sealed to another key")
    inner = compact.unseal(sealed, key.private)
    signed = compact.parse_signed(inner, typ=TYP_PACKAGE_JWS, members=_MEMBERS, max_protected=wire.MAX_REPLY_PROTECTED)
    at, package, cert = (signed.header[member] for member in ("iat", "pid", "wcert"))
    if type(at) is not int or not isinstance(package, str) or not isinstance(cert, str):
        raise compact.Malformed("header members")
    if signed.header["aud"] != key.kid:
        raise compact.Malformed("meant for another key")
    try:
        writer = certified_writer(cert, trust=trust, at=at)
    except DanganError:
        raise compact.Malformed("writer certificate") from None
    if not compact.verify(signed, writer.x):
        raise compact.Malformed("signature")
    return OpenedPackage(package, signed.payload(), at)
