"""The whole program as its users run it: harvested once, served once, for all tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pystac_client import Client

from tests.acceptance.command_line import Dinamis, Finished, Server, fresh_machine
from tests.acceptance.expected_samples import ExpectedSamples, read_expected_samples


@dataclass(frozen=True)
class Harvest:
    """A finished `dinamis harvest` and its account."""

    finished: Finished
    report: dict[str, Any]


@pytest.fixture(scope="session")
def dinamis() -> Iterator[Dinamis]:
    """The command line on a machine where nobody has used it yet."""
    with fresh_machine() as command_line:
        yield command_line


@pytest.fixture(scope="session")
def dimap(samples: Path) -> Path:
    """The folder of genuine DIMAP deliveries."""
    return samples / "dimap"


@pytest.fixture(scope="session")
def expected(dimap: Path) -> ExpectedSamples:
    """What is to become of each sample file."""
    return read_expected_samples(dimap)


@pytest.fixture(scope="session")
def first_harvest(dinamis: Dinamis, dimap: Path) -> Harvest:
    """The harvest of the samples, without any preparation, and the rules that let people see them."""
    harvest = harvested(dinamis, dimap)
    assert dinamis.run("rules", "activate").code == 0
    return harvest


@pytest.fixture(scope="session")
def server(dinamis: Dinamis, first_harvest: Harvest) -> Iterator[Server]:
    """The harvested samples, served."""
    with dinamis.serving("serve", "--public-assets") as running:
        yield running


@pytest.fixture(scope="session")
def client(server: Server) -> Client:
    """pystac-client on the served samples."""
    return Client.open(server.url)


@pytest.fixture(scope="session")
def served_items(client: Client) -> dict[str, dict[str, Any]]:
    """All Items by their id, as the server sends them."""
    found = client.search(limit=100).items_as_dicts()
    return {item["id"]: item for item in found if "stereo:mode" not in item["properties"]}


def harvested(dinamis: Dinamis, location: str | Path, *options: str | Path) -> Harvest:
    """The harvest of a location, with its report."""
    report = dinamis.home / "report.json"
    finished = dinamis.run("harvest", "deliveries", location, "--report", report, *options)
    return Harvest(finished, json.loads(report.read_text(encoding="utf-8")))
