"""Attack: a signature, which is for reading, is used to write, to delete, or on another route."""

from __future__ import annotations

import pytest

from tests.stac_api.downloads.protected_catalogue import PAN, Gate


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_signature_only_reads(gate: Gate, method: str) -> None:
    """There is nothing at the address of a file but GET and HEAD."""
    answer = gate.request(method, gate.signed(PAN, gate.ada))
    assert answer.status_code == 405
    assert {each.strip() for each in answer.headers["Allow"].split(",")} <= {"GET", "HEAD"}


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_method_cannot_be_overridden(gate: Gate, method: str) -> None:
    """Headers by which some servers take another method are passed over."""
    headers = {"X-HTTP-Method-Override": method, "X-Method-Override": method}
    assert gate.request("GET", gate.signed(PAN, gate.ada), headers=headers).status_code == 200
    assert gate.get(PAN, gate.ada).status_code == 200


@pytest.mark.parametrize("path", ["/me", "/me/api-keys", "/collections/hidden", "/", "/me/export"])
def test_signature_is_no_login(gate: Gate, path: str) -> None:
    """Elsewhere the query of a signed address means nothing: the answer is that to a stranger."""
    query = gate.signed(PAN, gate.ada).partition("?")[2]
    assert gate.get(f"{path}?{query}").status_code == gate.get(path).status_code


def test_signature_gets_no_further_signature(gate: Gate) -> None:
    """Somebody who was given an address cannot make it live on by signing it again."""
    address = gate.signed(PAN, gate.ada)
    assert gate.sign(address).status_code == 401
    query = address.partition("?")[2]
    answer = gate.request("POST", f"/sign?{query}", json={"href": address})
    assert answer.status_code == 401
