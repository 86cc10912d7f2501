"""What `dinamis harvest` tells at once, and while it is waited for."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import main
from database import Database
from harvester.collection_documents import default_collections_directory
from tests.emulators.openspot import OpenSpot, features
from tests.emulators.serving import serving

FEED = "spot-6-7-open/openspot"

Harvest = Callable[..., Result]  #: types `dinamis harvest` and these arguments


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """The document of a collection, among copies of all of them."""
    shutil.copytree(default_collections_directory(), tmp_path / "collections")
    return tmp_path / "collections" / "spot-6-7-open.yaml"


@pytest.fixture
def harvest(database: Database, document: Path, tmp_path: Path) -> Harvest:
    """`dinamis harvest` over an empty catalogue."""
    variables = {
        "DINAMIS_DATABASE_URL": database.conninfo("owner"),
        "DINAMIS_HARVEST_DATABASE_URL": database.conninfo("harvest"),
        "DINAMIS_COLLECTIONS": str(document.parent),
        "DINAMIS_CACHE": str(tmp_path / "cache"),
    }
    return lambda *arguments: CliRunner().invoke(main, ["harvest", *arguments], env=variables)


def served_at(document: Path, url: str) -> None:
    """Let the source of the document be at an address."""
    text = document.read_text("utf-8")
    document.write_text(re.sub(r"(source: openspot\n\s+url: )\S+", rf"\g<1>{url}/", text), "utf-8")


def test_source_without_its_credentials_is_not_asked(harvest: Harvest, document: Path) -> None:
    """The variables that would give them are named at once and at the end; the other source is harvested meanwhile."""
    locked = "sources:\n    - {source: stac, name: vault, url: 'http://127.0.0.1:9/', credentials: vault-of-all}"
    document.write_text(document.read_text("utf-8").replace("sources:", locked, 1), "utf-8")
    with serving(OpenSpot(layers={"2018_PMS": features(3)}).app) as url:
        served_at(document, url)
        done = harvest("run", "spot-6-7-open", "--json")
    refused, harvested = json.loads(done.stdout)
    assert (done.exit_code, refused["state"], harvested["state"], harvested["new"]) == (2, "failed", "succeeded", 3)
    either = "DINAMIS_SOURCE_VAULT_OF_ALL_TOKEN, or DINAMIS_SOURCE_VAULT_OF_ALL_API_KEY"
    assert either in refused["error"]
    assert done.stderr.index("1 of 2 failed:") < done.stderr.rindex(f"spot-6-7-open/vault: {refused['error']}")
    asked = harvest("status", "--json")
    (status,) = [each for each in json.loads(asked.stdout) if each["feed"] == "spot-6-7-open/vault"]
    assert (asked.exit_code, status["state"], status["last_run"]["error"]) == (1, "failed", refused["error"])
    assert either in harvest("run", "spot-6-7-open/vault", "--dry-run").stderr
    assert f"credentials missing: {either}" in harvest("sources").stdout
