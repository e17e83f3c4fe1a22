"""Verify a destruction certificate: ``python -I verify_certificate.py CERTIFICATE TRUST`` exits 0 or 1 and says why.

TRUST: the archive's public keys, obtained by another way. Checked: signed with a key trusted for certificates; two
people other than the requester signed the request; each root was swept after a record was forgotten; no old is left."""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def _check(holds, otherwise):
    if not holds:
        raise ValueError(otherwise)


def _raw(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    _check(base64.urlsafe_b64encode(data).decode().rstrip("=") == text, "not base64url")
    return data


def _opened(jws, typ, keys):  # the payload of a JWS that one of the keys (id -> raw public key) signed, and its id
    head, payload, signature = jws.split(".")
    kid = json.loads(_raw(head))["kid"]
    _check(json.loads(_raw(head)) == {"alg": "Ed25519", "kid": kid, "typ": typ} and kid in keys, f"no trusted {typ}")
    Ed25519PublicKey.from_public_bytes(keys[kid]).verify(_raw(signature), f"{head}.{payload}".encode())
    return json.loads(_raw(payload)) | {"kid": kid}


def _verify(jws, trust):
    it = _opened(jws, "dangan-certificate+jws", {key["kid"]: _raw(key["x"]) for key in trust["certificates"]})
    asked = {"type": "destroy", "id": it["command"], "records": it["ordered"], "ground": it["ground"]}
    asked |= {"reason": it["reason"], "requester": it["requester"]}  # in canonical form: RFC 8785
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
    jwks = {who["id"]: f'{{"crv":"Ed25519","kty":"OKP","x":"{who["x"]}"}}'.encode() for who in it["approvers"]}
    kids = {who: base64.urlsafe_b64encode(hashlib.sha256(jwk).digest()).decode()[:43] for who, jwk in jwks.items()}
    keys = {kids[who["id"]]: _raw(who["x"]) for who in it["approvers"]}
    signed = [_opened(approval, "dangan-approval+jws", keys) for approval in it["approvals"]]
    _check(len({said["kid"] for said in signed}) >= 2, "fewer than two people approved")
    for said in signed:  # clocks may differ by 300 seconds
        _check(said["action"] == "approve-destroy" and kids[said["approver"]] == said["kid"], "a false approval")
        _check(said["digest"] == digest.hexdigest(), "an approval of another request")
        _check(said["approver"] != it["requester"] and -300 <= it["decided_at"] - said["at"] <= 2592000, "own or stale")
    _check(all(at["before"] < at["after"] <= at["min_available"] for at in it["roots"]), "an old version is left")
    trimmed = {at["root"]: at["trimmed_at"] + 300 for at in it["roots"]}
    for record in it["records"]:
        _check(record["id"] in it["ordered"] and record["forgotten_at"] + 300 >= it["decided_at"], "nobody ordered it")
        swept = min(trimmed[root] for root in (*record["roots"], it["ingest_root"]))
        _check(record["roots"] and swept >= record["forgotten_at"], "swept before it was forgotten")
    return f"good: {len(it['records'])} record(s) of {it['requester']!a}'s request destroyed, {it['serial']!a}"


try:
    print(_verify(Path(sys.argv[1]).read_text("ascii").strip(), json.loads(Path(sys.argv[2]).read_bytes())))
except Exception as error:  # noqa: BLE001 - whatever goes wrong, it is not verified
    sys.exit(f"NOT good: {type(error).__name__} {str(error)!a}")
