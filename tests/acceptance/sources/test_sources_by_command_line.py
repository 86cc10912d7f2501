"""Sources of the shipped documents, harvested by `dinamis harvest run` as operators do."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from database.errors import ServerProgramsMissing
from database.programs import find_server
from harvester.collection_documents import default_collections_directory
from tests.acceptance.command_line import Dinamis, Finished
from tests.acceptance.sources.stand_ins import COUNT, STAND_INS, StandIn
from tests.postgres import short_directory

#: Collection and source of each stand-in that is asked for; only their address is changed in the document.
FEEDS = {"openspot": "spot-6-7-open/openspot", "stac": "spot-6-7-drs/stac"}


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, StandIn]]:
    """The services."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(STAND_INS[name](tmp_path_factory.mktemp(name))) for name in FEEDS}


@pytest.fixture(scope="module")
def documents(stand_ins: dict[str, StandIn], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shipped documents, as institutions make it, with the addresses of the services."""
    copy = tmp_path_factory.mktemp("documents") / "collections"
    shutil.copytree(default_collections_directory(), copy)
    for name, feed in FEEDS.items():
        address, file = stand_ins[name].feed.options.url, copy / f"{feed.partition('/')[0]}.yaml"
        published, _, harvest = file.read_text(encoding="utf-8").partition("\nharvest:\n")
        led, times = re.subn(r"url: \S+", f"url: {address}", harvest, count=1)
        assert times == 1
        file.write_text(f"{published}\nharvest:\n{led}", encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def dinamis() -> Iterator[Dinamis]:
    """A machine of its own, where nothing was harvested yet."""
    try:
        find_server()
    except ServerProgramsMissing as error:
        pytest.skip(f"no PostgreSQL with PostGIS on this machine: {error}")
    with short_directory() as home:
        command_line = Dinamis(home)
        try:
            yield command_line
        finally:
            command_line.run("db", "destroy", "--yes")


def harvested(dinamis: Dinamis, documents: Path, feed: str, *options: str) -> tuple[Finished, dict[str, int]]:
    """One run and its account."""
    environment = {"DINAMIS_COLLECTIONS": str(documents)}
    finished = dinamis.run("harvest", "run", feed, "--json", *options, environment=environment)
    (account,) = json.loads(finished.out)
    return finished, {name: account[name] for name in ("new", "changed", "unchanged", "quarantined")}


@pytest.mark.parametrize("name", FEEDS)
def test_a_source_is_harvested_and_followed_from_the_command_line(
    name: str, dinamis: Dinamis, documents: Path, stand_ins: dict[str, StandIn]
) -> None:
    """The first run finds every record, the next one what was changed and added; both end well and say so."""
    nothing = {"new": 0, "changed": 0, "unchanged": 0, "quarantined": 0}
    first, account = harvested(dinamis, documents, FEEDS[name])
    assert (first.code, account) == (0, {**nothing, "new": COUNT}), first.err
    stand_ins[name].change()
    stand_ins[name].add()
    _, account = harvested(dinamis, documents, FEEDS[name])
    assert (account["new"], account["changed"], account["quarantined"]) == (1, 1, 0)
    last, account = harvested(dinamis, documents, FEEDS[name], "--full")
    assert (last.code, account) == (0, {**nothing, "unchanged": COUNT + 1}), last.err
