"""Attack: somebody who may read the log of the server, or of a proxy's errors, takes signed addresses out of it."""

from __future__ import annotations

import logging

import pytest

from tests.stac_api.downloads.protected_catalogue import PAN, Gate, changed_query, query_of


def test_signatures_are_never_logged(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    """The log ties a grant to a file by its id; with what stands there nobody opens anything."""
    # The server of the tests has uvicorn's own log of accesses, which `dinamis serve` turns off.
    logging.getLogger("uvicorn.access").disabled = True
    with caplog.at_level(logging.DEBUG):
        address = gate.signed(PAN, gate.ada)
        gate.get(address)
        gate.get(changed_query(address, jti="another"))
        gate.get(address, headers={"Range": "bytes=999999999-"})
    ours = "\n".join(each.getMessage() for each in caplog.records if not each.name.startswith("urllib3"))
    assert query_of(address)["jti"] in ours
    assert query_of(address)["sig"] not in ours
    assert "sig=" not in ours


def test_refusals_do_not_repeat_the_signature(gate: Gate) -> None:
    """The problem of a broken address may be passed on: it holds nothing of the query."""
    address = changed_query(gate.signed(PAN, gate.ada), jti="another")
    assert query_of(address)["sig"] not in gate.get(address).text
