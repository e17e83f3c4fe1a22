"""Verify a destruction certificate: ``python -I verify_certificate.py CERTIFICATE TRUST`` exits 0 or 1 and says why.

TRUST: the archive's public keys, obtained by another way. Checked: signed with a key trusted for certificates; two
people besides who applied, executed, watched approved this request; its roots were swept later; none older is left."""

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
    return data if base64.urlsafe_b64encode(data).decode().rstrip("=") == text else _check(False, "not base64url")


def _opened(jws, typ, keys):  # what is said in a JWS, signed with the key of its approver, else with that of its head
    head, payload, signature = jws.split(".")
    header, said = json.loads(_raw(head)), json.loads(_raw(payload))
    name = said.get("approver", header["kid"])
    _check(header == {"alg": "Ed25519", "kid": header["kid"], "typ": typ} and name in keys, f"no trusted {typ}")
    Ed25519PublicKey.from_public_bytes(keys[name]).verify(_raw(signature), f"{head}.{payload}".encode())
    return said


def _verify(jws, trust):
    it = _opened(jws, "dangan-certificate+jws", {key["kid"]: _raw(key["x"]) for key in trust["certificates"]})
    form = it.get("application") or {}  # names its applicant and its witness: each signs as what he is
    named = {form[who]: act for who, act in (("applicant", "apply"), ("witness", "witness")) if form.get(who)}
    asked = {name: it[name] for name in ("ground", "reason", "requester", "application") if it.get(name)}
    asked |= {"type": "destroy", "id": it["command"], "records": it["ordered"]}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
    keys = {who["id"]: _raw(who["x"]) for who in [*it["approvers"], *it.get("signed_by", ())]}
    found = [_opened(each, "dangan-approval+jws", keys) for each in it["approvals"]]
    signed = {said["approver"]: said for said in found}
    _check(named.keys() <= set(signed) and len({keys[x] for x in signed}) == len(signed) > 1 + len(named), "too few")
    for who, said in signed.items():  # clocks may differ by 300 seconds
        _check(said["action"] == f"{named.get(who, 'approve')}-destroy", "signed as something else")
        _check(said["digest"] == digest.hexdigest(), "signed another request")
        _check(who != it["requester"] and -300 <= it["decided_at"] - said["at"] <= 2592000, "own or stale")
    _check(all(at["before"] < at["after"] <= at["min_available"] for at in it["roots"]), "an old version is left")
    swept = {at["root"]: at["trimmed_at"] + 300 for at in it["roots"]}
    for one in it["records"]:
        _check(one["id"] in it["ordered"] and one["forgotten_at"] + 300 >= it["decided_at"], "nobody ordered it")
        _check(min(swept[at] for at in (it["ingest_root"], *one["roots"])) >= one["forgotten_at"], "swept too early")
    return f"good: {len(it['records'])} record(s) of {it['requester']!a}'s request destroyed, {it['serial']!a}"


try:
    print(_verify(Path(sys.argv[1]).read_text("ascii").strip(), json.loads(Path(sys.argv[2]).read_bytes())))
except Exception as error:  # noqa: BLE001 - whatever goes wrong, it is not verified
    sys.exit(f"NOT good: {type(error).__name__} {str(error)!a}")
