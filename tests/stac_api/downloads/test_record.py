"""The record of downloads: one event for each, with what it rested on, and nobody can change it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

import psycopg
import pytest
from starlette.requests import Request

from database.connections import Role
from stac_api.downloads import record
from stac_api.downloads.record import network_of
from tests.stac_api.downloads.protected_catalogue import METADATA, PAN, THUMBNAIL, Gate


@pytest.fixture(autouse=True)
def _no_earlier_downloads(gate: Gate) -> None:
    """Every test begins with an empty record, and a server that remembers nothing of it."""
    with gate.database.connect("owner") as connection:
        connection.execute("SET session_replication_role = replica")  # the record refuses to be emptied
        connection.execute("DELETE FROM dinamis.download_event")
    gate.forget()


def test_download_is_recorded_with_what_it_rested_on(gate: Gate) -> None:
    """The event tells entity, category, file, size, licence, rules and network, and a pseudonym for the person."""
    size = len(gate.get(PAN, gate.ada).content)
    (event,) = gate.events()
    with gate.database.connect("owner") as connection:
        row = connection.execute("SELECT pseudonym FROM dinamis.person WHERE id = %s", (gate.ada.person,)).fetchone()
    assert row is not None
    assert event["pseudonym"] == row[0] != gate.ada.person
    told = ("entity", "category", "collection", "item", "asset", "bytes", "licence", "licence_version", "policy_set")
    assert [event[name] for name in told] == [
        *(gate.ada.entity, "SCI_FR", "members", "IMAGE", "pan", size, "uia", 1, "invented")
    ]
    assert (event["network"], event["grant_id"]) == ("127.0.0.0/24", None)


def test_ranges_of_one_file_are_one_download(gate: Gate) -> None:
    """Hundreds of ranges that GDAL reads, several at a time, leave one line; another file leaves another."""
    ranges = [{"Range": f"bytes={start}-{start + 99}"} for start in range(0, 4000, 100)]
    with ThreadPoolExecutor(4) as readers:
        answers = list(readers.map(lambda wanted: gate.get(PAN, gate.ada, headers=wanted).status_code, ranges))
    assert set(answers) == {206}
    gate.get(PAN.replace("IMAGE", "AGAIN"), gate.ada)
    events = gate.events()
    assert [(each["item"], each["bytes"]) for each in events] == [("IMAGE", None), ("AGAIN", events[-1]["bytes"])]


def test_processes_share_one_record(gate: Gate) -> None:
    """What another process of the server has recorded is not recorded again."""
    gate.get(PAN, gate.ada)
    gate.forget()
    gate.get(PAN, gate.ada)
    assert len(gate.events()) == 1


@pytest.mark.parametrize("is_remembered", [True, False], ids=["by the process", "by the database"])
@pytest.mark.parametrize("has_name", [True, False], ids=["ada", "somebody"])
def test_strangers_of_two_networks_are_two(gate: Gate, has_name: bool, is_remembered: bool) -> None:
    """Whoever has a name is the same everywhere; of the others the network is what tells them apart."""
    headers = gate.ada.headers if has_name else gate.declaration("etalab", 2)
    path = PAN if has_name else "/assets/open-data/ORTHO/pan"
    for own_address in ("127.0.0.1", "127.0.9.1", "127.0.0.2"):
        if not is_remembered:
            gate.forget()
        address = HTTPConnection(urlsplit(gate.site.url).netloc, timeout=20, source_address=(own_address, 0))
        with closing(address) as connection:
            connection.request("GET", path, headers=headers)
            assert connection.getresponse().status == 200
    networks = ["127.0.0.0/24"] if has_name else ["127.0.0.0/24", "127.0.9.0/24"]
    assert [event["network"] for event in gate.events()] == networks


def test_same_file_is_another_download_later(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges are one download within some minutes; who comes back after that has it again."""
    monkeypatch.setattr(record, "ONE_DOWNLOAD", timedelta(milliseconds=100))
    for _ in range(2):
        gate.get(PAN, gate.ada)
        time.sleep(0.2)
    assert len(gate.events()) == 2


def test_what_gives_no_image_is_not_recorded(gate: Gate) -> None:
    """Neither small files, nor HEAD, nor refusals, nor ranges beyond the end, nor what the client has already."""
    etag = gate.request("HEAD", PAN, gate.ada).headers["ETag"]
    gate.get(THUMBNAIL)
    gate.get(METADATA, gate.ada)
    gate.get(PAN, gate.bob)
    assert gate.get(PAN, gate.ada, headers={"Range": "bytes=999999999-"}).status_code == 416
    assert gate.get(PAN, gate.ada, headers={"If-None-Match": etag}).status_code == 304
    assert gate.events() == []


def test_signed_address_is_recorded_for_whom_it_was_signed(gate: Gate) -> None:
    """Whoever opens it, the event has the pseudonym of the one who asked for it, and the id of the grant."""
    address = gate.signed(PAN, gate.ada)
    gate.get(PAN, gate.ada)
    assert gate.get(address).status_code == 200
    direct, granted = gate.events()
    assert granted["pseudonym"] == direct["pseudonym"]
    assert f"jti={granted['grant_id']}" in address


def test_nobody_gets_a_file_that_cannot_be_recorded(gate: Gate) -> None:
    """While the record cannot be written nothing is sent."""
    with gate.database.connect("owner", autocommit=True) as connection:
        connection.execute("REVOKE INSERT ON dinamis.download_event FROM dinamis_api")
        try:
            assert gate.get(PAN, gate.ada).status_code == 503
        finally:
            connection.execute("GRANT INSERT ON dinamis.download_event TO dinamis_api")
    assert gate.get(PAN, gate.ada).status_code == 200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE dinamis.download_event SET bytes = 0",
        "DELETE FROM dinamis.download_event",
        "TRUNCATE dinamis.download_event",
    ],
)
@pytest.mark.parametrize(
    ("role", "refusal"),
    [("owner", psycopg.errors.RestrictViolation), ("api", psycopg.errors.InsufficientPrivilege)],
    ids=["owner", "api"],
)
def test_record_is_append_only(gate: Gate, role: Role, refusal: type[psycopg.Error], statement: str) -> None:
    """The server has no right to change or remove an event, and the owner is kept from it."""
    gate.get(PAN, gate.ada)
    with gate.database.connect(role) as connection, pytest.raises(refusal):
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("testclient", "unknown"),
    ],
)
def test_addresses_are_truncated(address: str, network: str) -> None:
    """Of an address only the network is kept, also where it is written as an IPv6 one."""
    assert network_of(Request({"type": "http", "client": (address, 1), "headers": []})) == network
