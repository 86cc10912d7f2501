"""Attack: an address names another key than the one that signed it: none, a stranger's, a revoked one, a path, SQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stac_api.downloads.signatures import AssetName, Grant, SigningKey, signed_query
from stac_api.downloads.signing_keys import rotate_key
from tests.stac_api.downloads.protected_catalogue import PAN, Gate, changed_query
from tests.stac_api.invented_catalogue import problem_of


def _forged(kid: str, secret: bytes) -> str:
    asset = AssetName(collection="members", item="IMAGE", key="pan")
    grant = Grant(subject="uia~1", expires_at=datetime.now(UTC) + timedelta(hours=1), jti="forged")
    return f"{PAN}?{signed_query(asset, grant, SigningKey(kid=kid, secret=secret))}"


@pytest.mark.parametrize("kid", ["none", "", "first", "../first", "first' OR '1'='1", "first\n", "FIRST"])
@pytest.mark.parametrize("secret", [b"", b"\0" * 32, b"first"])
def test_only_our_keys_sign(gate: Gate, kid: str, secret: bytes) -> None:
    """Whatever key an address names, a signature by a secret that we do not have is none."""
    assert problem_of(gate.get(_forged(kid, secret)))["code"] == "SignatureInvalid"


def test_key_that_signed_must_be_the_key_that_is_named(gate: Gate) -> None:
    """Of two keys that are both honoured, the one cannot stand for the other."""
    address = gate.signed(PAN, gate.ada)
    with gate.database.connect("owner") as connection:
        kid = rotate_key(connection)
    gate.forget()
    assert gate.get(address).status_code == 200
    assert gate.get(changed_query(address, kid=kid)).status_code == 403


def test_token_of_a_declaration_is_no_signature(gate: Gate) -> None:
    """The same key makes both: the one is never taken for the other."""
    token = gate.declaration("etalab", 2)["Authorization"].removeprefix("Bearer ")
    parts = token.split(".")
    address = changed_query(gate.signed(PAN, gate.ada), sig=parts[-1])
    assert gate.get(address).status_code == 403
