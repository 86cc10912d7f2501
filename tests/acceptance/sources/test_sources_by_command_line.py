"""Sources of the shipped documents, harvested by `dinamis harvest run` as operators do."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from starlette.types import ASGIApp

from cli import main
from database import Database
from harvester.collection_documents import default_collections_directory
from harvester.collection_model import SHARED_OPTIONS
from tests.acceptance.command_line import Dinamis, Finished, fresh_machine
from tests.acceptance.sources import stand_ins as stand_ins_of_sources
from tests.acceptance.sources.file_places import DELIVERIES, PLACES
from tests.acceptance.sources.stand_ins import COUNT, ENVIRONMENT, STAND_INS, StandIn
from tests.emulators import openspot
from tests.emulators.doubles import Doubles
from tests.emulators.revalidation import Revalidation
from tests.emulators.serving import serving
from tests.harvester.sources.file_servers import PASSWORD

#: Collection and source of each stand-in that is asked for; only their address is changed in the document.
FEEDS = {"openspot": "spot-6-7-open/openspot", "stac": "spot-6-7-drs/stac"}

NOTHING = {"new": 0, "changed": 0, "unchanged": 0, "quarantined": 0}


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, StandIn]]:
    """The services."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(STAND_INS[name](tmp_path_factory.mktemp(name))) for name in FEEDS}


@pytest.fixture(scope="module")
def documents(stand_ins: dict[str, StandIn], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shipped documents, as institutions make it, with the addresses of the services."""
    return documents_led_to(
        {feed: stand_ins[name].feed.options.url for name, feed in FEEDS.items()}, tmp_path_factory.mktemp("documents")
    )


def documents_led_to(addresses: Mapping[str, str], folder: Path) -> Path:
    """A copy of the shipped documents where these feeds, each the first of its collection, have other addresses."""
    copy = folder / "collections"
    shutil.copytree(default_collections_directory(), copy)
    for feed, address in addresses.items():
        file = copy / f"{feed.partition('/')[0]}.yaml"
        published, _, harvest = file.read_text(encoding="utf-8").partition("\nharvest:\n")
        led, times = re.subn(r"url: \S+", f"url: {address}", harvest, count=1)
        assert times == 1
        file.write_text(f"{published}\nharvest:\n{led}", encoding="utf-8")
    return copy


def document_of(stand_in: StandIn, folder: Path) -> Path:
    """A copy of the shipped documents where the feed of a stand-in is asked as the stand-in is.

    Other collections that have the same source are led there too: one source has one address.
    """
    copy = folder / "collections"
    shutil.copytree(default_collections_directory(), copy)
    collection, _, name = stand_in.feed.name.partition("/")
    options = stand_in.feed.options
    given = options.model_dump(mode="json", exclude_unset=True, exclude={"url", "credentials", "answers"})
    shared = {each: given.pop(each) for each in SHARED_OPTIONS & given.keys()}
    for file in copy.glob("*.yaml"):
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        for source in document.get("harvest", {}).get("sources", ()):
            if source.get("name", source["source"]) == name:
                source.update(url=options.url, **({**shared, "options": given} if file.stem == collection else {}))
        file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def dinamis() -> Iterator[Dinamis]:
    """A machine of its own, where nothing was harvested yet."""
    with fresh_machine() as command_line:
        yield command_line


def harvested(dinamis: Dinamis, documents: Path, feed: str, *options: str) -> tuple[Finished, dict[str, int]]:
    """One run and its account."""
    environment = {"DINAMIS_COLLECTIONS": str(documents)}
    finished = dinamis.run("harvest", "run", feed, "--json", *options, environment=environment)
    assert finished.out, finished.err
    (account,) = json.loads(finished.out)
    return finished, {name: account[name] for name in NOTHING}


@pytest.mark.parametrize("name", FEEDS)
def test_a_source_is_harvested_and_followed_from_the_command_line(
    name: str, dinamis: Dinamis, documents: Path, stand_ins: dict[str, StandIn]
) -> None:
    """The first run finds every record, the next one what was changed and added; both end well and say so."""
    first, account = harvested(dinamis, documents, FEEDS[name])
    assert (first.code, account) == (0, {**NOTHING, "new": COUNT}), first.err
    stand_ins[name].change()
    stand_ins[name].add()
    _, account = harvested(dinamis, documents, FEEDS[name])
    assert (account["new"], account["changed"], account["quarantined"]) == (1, 1, 0)
    last, account = harvested(dinamis, documents, FEEDS[name], "--full")
    assert (last.code, account) == (0, {**NOTHING, "unchanged": COUNT + 1}), last.err


@pytest.mark.parametrize("name", STAND_INS)
def test_a_record_that_is_told_twice_is_taken_in_once(
    name: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two versions of a record in one answer the later by the date of its source counts, and both are told."""
    services: list[Doubles] = []

    def serving_doubles(app: ASGIApp) -> AbstractContextManager[str]:
        services.append(Doubles(app))
        return serving(services[-1])

    monkeypatch.setattr(stand_ins_of_sources, "serving", serving_doubles)
    (place := tmp_path / "place").mkdir()
    with STAND_INS[name](place) as stand_in:
        command = ["run", stand_in.feed.name, "--full"]
        environment = {
            **ENVIRONMENT,
            "DINAMIS_DATABASE_URL": database.conninfo("owner"),
            "DINAMIS_HARVEST_DATABASE_URL": database.conninfo("harvest"),
        }
        if name == "deliveries":
            (place / "again").symlink_to(place / "d0")
            command = ["deliveries", str(place)]
        else:
            environment["DINAMIS_COLLECTIONS"] = str(document_of(stand_in, tmp_path))

        def harvested_now() -> dict[str, Any]:
            finished = CliRunner().invoke(main, ["harvest", *command, "--json"], env=environment)
            assert finished.exit_code == 0, finished.stderr
            told = json.loads(finished.stdout)
            account = told if name == "deliveries" else told[0]
            return {kind: account[kind] for kind in (*NOTHING, "passed_over")}

        first = harvested_now()
        for service in services:
            service.is_on = False
        second = harvested_now()
    count, others = first["new"], second["passed_over"]
    assert count >= COUNT
    assert second == {**NOTHING, "unchanged": count, "passed_over": others}
    doubles = {"duplicates": count} if tells_doubles(name) else {}
    assert first == {**NOTHING, "new": count, "passed_over": others | doubles}


def tells_doubles(name: str) -> bool:
    """Whether a record can stand twice in one answer: elsewhere its place or all it says is its name."""
    return name not in ("deliveries", "ign-spot", "ign-pleiades")


def test_what_a_service_says_is_not_modified_is_not_sent_again(dinamis: Dinamis, tmp_path: Path) -> None:
    """The next run gets the body of what changed alone, and counts the rest as unchanged; a full run gets all."""
    pan, colours = openspot.features(COUNT, year=2019), openspot.features(1, year=2019, mode="MS")
    answers = Revalidation(openspot.OpenSpot(layers={"2019_PMS": pan, "2019_MS": colours}).app)
    with serving(answers) as url:
        documents = documents_led_to({"spot-6-7-open/openspot": f"{url}/"}, tmp_path)
        harvested(dinamis, documents, "spot-6-7-open/openspot")
        sent, answers.bodies = answers.bodies, 0
        colours[0]["properties"]["resolution"] = 6.5
        _, account = harvested(dinamis, documents, "spot-6-7-open/openspot")
        assert (answers.bodies, answers.not_modified) == (1, sent - 1)
        assert account == {**NOTHING, "unchanged": COUNT, "changed": 1}
        harvested(dinamis, documents, "spot-6-7-open/openspot", "--full")
        assert (answers.bodies, answers.not_modified) == (1 + sent, sent - 1)


@pytest.mark.parametrize("name", PLACES)
def test_deliveries_on_a_server_are_harvested_once(name: str, dinamis: Dinamis, tmp_path: Path) -> None:
    """The first run finds every delivery and the next nothing new; the password of the server is not told."""

    def delivered() -> dict[str, int]:
        finished = dinamis.run("harvest", "deliveries", place.location, "--json", environment=place.environment)
        assert finished.code == 0, finished.err
        assert PASSWORD not in finished.out + finished.err
        account = json.loads(finished.out)
        return {name: account[name] for name in NOTHING}

    with PLACES[name](tmp_path) as place:
        found = delivered()
        assert found == {**NOTHING, "new": found["new"]}
        assert found["new"] >= DELIVERIES
        assert delivered() == {**NOTHING, "unchanged": found["new"]}
