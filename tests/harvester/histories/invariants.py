"""What must be true of a catalogue after every step of its history, each in a function that says it in words.

They look at the Items as a search gives them, and work out anew, from all of them or from all records in force, what
the engine keeps step by step.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from psycopg import Connection, RawCursor
from shapely import total_bounds
from shapely.geometry import shape

from database import Database
from database.statements import statement
from harvester import catalogue
from harvester.harvest_context import HarvestContext, WritingOptions
from harvester.pages.writing import PageWriting
from harvester.runs.report import HarvestReport, Outcome
from harvester.stereo.rules import StereoRules
from harvester.stereo.scope import Span
from harvester.stereo.sets import find_sets
from harvester.stereo.views import PlacedItem, view_items
from tests.chaos.catalogue_state import FAULTS
from tests.harvester.invented_source import InventedSource, feed_of
from tests.harvests import Items, images, items, timeless

Record = tuple[str, str, dict[str, Any]]  #: Item, source and content
Standing = tuple[str, bytes]  #: state of a record, and the digest of what it says unless it is withdrawn

_CHANGES = statement("stac_api", "changes")
_ALL_AT_ONCE = 1000
_LISTED = ("platform", "constellation", "sat:orbit_state", "instruments")
_MEASURED = (
    "gsd",
    "eo:cloud_cover",
    "eo:snow_cover",
    "view:incidence_angle",
    "view:off_nadir",
    "view:azimuth",
    "view:sun_elevation",
    "view:sun_azimuth",
)
_ALWAYS = Span("pleiades-1a", datetime(2000, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC))
_WITHDRAWN: Standing = ("withdrawn", b"")
_SAME_MOMENT_S = 2  #: all footprints overlap by more than half
#: A harvest that is killed leaves it until somebody goes on with it.
_OF_A_KILLED_RUN = "a run is left as running"


@dataclass(frozen=True)
class Held:
    """What a catalogue holds at one moment."""

    database: Database
    connection: Connection  #: of the owner
    context: HarvestContext

    @cached_property
    def items(self) -> Items:
        """All Items by id, without the times of their writing."""
        return {name: timeless(item) for name, item in items(self.database).items()}

    @cached_property
    def images(self) -> Items:
        """The Items of images."""
        return images(self.items)

    @cached_property
    def scenes(self) -> dict[str, str]:
        """Which acquisition each Item of an image is of."""
        return dict(self.rows("SELECT id, scene FROM dinamis.item WHERE is_published AND scene IS NOT NULL"))

    @cached_property
    def collections(self) -> dict[str, str]:
        """The collection where each Item of an image is, or was."""
        return dict(self.rows("SELECT id, collection FROM dinamis.item WHERE scene IS NOT NULL"))

    @cached_property
    def records(self) -> list[Record]:
        """Item, source and content of each record in force."""
        return [
            (item, source, json.loads(bytes(content)))
            for item, source, content in self.rows(
                "SELECT item, source, content FROM dinamis.source_record AS known JOIN dinamis.record_version AS said"
                " ON said.record = known.id AND said.version = known.version WHERE known.state = 'active'"
            )
        ]

    @cached_property
    def corrections(self) -> defaultdict[str, dict[str, Any]]:
        """What we know better of each Item: value by field."""
        found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for item, field_name, value in self.rows("SELECT item, field, value FROM dinamis.correction"):
            found[item][field_name] = value
        return found

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return self.connection.execute(query, parameters).fetchall()


# After every step


def nothing_is_left_over_and_every_account_adds_up(held: Held) -> None:
    """What is true of every catalogue: the same Items in the ledger, none twice; each record of a run in one count."""
    found = {fault: held.rows(query) for fault, query in FAULTS.items() if fault != _OF_A_KILLED_RUN}
    assert not any(found.values()), found


def an_image_stands_while_a_record_of_it_is_in_force(held: Held) -> None:
    """No Item without a record, and no record without its Item."""
    assert {item for item, *_ in held.records} == held.images.keys()


def an_acquisition_has_one_item_in_a_collection(held: Held) -> None:
    """Nothing twice."""
    places = Counter((scene, held.items[item]["collection"]) for item, scene in held.scenes.items())
    assert [place for place, number in places.items() if number > 1] == []


def what_records_say_makes_them_one_acquisition(held: Held) -> None:
    """They are of one if they share a name, or were taken within two seconds, or others are of one with both.

    Only those that cannot all have an Item under the id that they give may have stayed together.
    """
    acquisitions: defaultdict[str, list[list[Record]]] = defaultdict(list)
    for together in _joined(held.records):
        (scene,) = {held.scenes[item] for item, *_ in together}
        acquisitions[scene].append(together)
    for several in acquisitions.values():
        assert len(several) == 1 or not all(_may_have_its_id(held, one, each) for each in several for one in each)


def _joined(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Records in the groups that they join."""
    left = list(records)
    while left:
        together = [left.pop()]
        for _, _, said in together:
            joined = [other for other in left if _are_of_one_acquisition(said, other[2])]
            left = [other for other in left if other not in joined]
            together += joined
        yield together


def _are_of_one_acquisition(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return not set(one["keys"]).isdisjoint(other["keys"]) or abs(one["seconds"] - other["seconds"]) <= _SAME_MOMENT_S


def _may_have_its_id(held: Held, record: Record, together: Sequence[Record]) -> bool:
    """Whether no Item of others, or in another collection, has the id that a record gives."""
    item, source, said = record
    given = f"ARCHIVE-{said['image']}" if source == "archive" else said["image"]
    is_elsewhere = held.collections.get(given, held.collections[item]) != held.collections[item]
    return not is_elsewhere and all(each in together for each in held.records if each[0] == given)


def an_item_says_what_its_records_say(held: Held) -> None:
    """Its sources are those of its records; its cloud cover is that of one of them, or what we know better."""
    sources: defaultdict[str, set[str]] = defaultdict(set)
    clouds: defaultdict[str, set[float]] = defaultdict(set)
    for item, source, content in held.records:
        sources[item].add(source)
        clouds[item].add(content["cloud"])
    clouds |= {item: {said["eo:cloud_cover"]} for item, said in held.corrections.items() if "eo:cloud_cover" in said}
    for name, image in held.images.items():
        assert image["properties"]["dinamis:source"] == sorted(sources[name]), name
        assert image["properties"]["eo:cloud_cover"] in clouds[name], name
        assert image["properties"].get("dinamis:corrected", []) == sorted(held.corrections.get(name, {})), name


def items_of_one_acquisition_know_each_other(held: Held) -> None:
    """They link to each other, and one that is to be ordered tells which of them is held."""
    for name, item in held.images.items():
        others = {other for other in held.images if other != name and held.scenes[other] == held.scenes[name]}
        places = {f"collections/{held.images[other]['collection']}/items/{other}" for other in others}
        linked = {link["href"] for link in item["links"] if link["rel"] in ("alternate", "canonical")}
        assert linked == places, name
        if "dinamis:held" in item["properties"]:
            by: set[str | None] = {other for other in others if "dinamis:held" not in held.images[other]["properties"]}
            assert item["properties"]["dinamis:held"] == bool(by), name
            assert item["properties"].get("dinamis:held_by") in (by or {None}), name


def a_collection_tells_of_all_its_items(held: Held) -> None:
    """Its extent and its summaries are those of the Items that it holds; as declared where it holds none."""
    for name, content in held.rows("SELECT id, content FROM pgstac.collections"):
        document = held.context.documents[name].published("fr")
        standing = [item for item in held.items.values() if item["collection"] == name]
        extent, summaries = (_extent(standing), _summaries(standing)) if standing else (document["extent"], {})
        assert content["extent"] == extent, name
        assert content.get("summaries", {}) == {**document.get("summaries", {}), **summaries}, name


def the_sets_are_those_that_all_views_make(held: Held) -> None:
    """The stereo sets are what the finder finds among the images, with all of them before it at once."""
    rules = StereoRules(held.context.documents)
    placed = (
        PlacedItem(
            item=name,
            scene=held.scenes[name],
            collection=item["collection"],
            is_archive="dinamis:held" in item["properties"],
            built=item,
        )
        for name, item in held.images.items()
        if item["collection"] in rules.view_collections
    )
    found = find_sets(view_items(placed), rules)
    sets = {name: item for name, item in held.items.items() if name not in held.images}
    assert {each.id: (each.collection, [view.item for view in each.views]) for each in found} == {
        name: (item["collection"], item["properties"]["stereo:views"]) for name, item in sets.items()
    }


def building_everything_anew_changes_nothing(held: Held) -> None:
    """Each Item is what the records of today make of it, and so is each stereo set."""
    conninfo = held.database.conninfo("harvest")
    with (
        closing(catalogue.connect(conninfo)) as connection,
        closing(catalogue.connect(conninfo, autocommit=True)) as side,
        connection.transaction(force_rollback=True),
    ):
        writing = PageWriting(connection, side, feed_of("held"), None, held.context, WritingOptions())
        writing.rebuild_sets(sorted(held.images), [_ALWAYS])
        assert writing.changes() == []


def a_record_says_what_the_last_run_in_force_said(held: Held) -> None:
    """A run is in force while no undo of it is; what an undo refused to put back, and said so, may be otherwise."""
    undos: defaultdict[int, list[int]] = defaultdict(list)
    for undo, undone in held.rows("SELECT id, undoes FROM dinamis.run WHERE kind = 'undo'"):
        undos[undone].append(undo)

    def is_in_force(run: int) -> bool:
        return not any(is_in_force(undo) for undo in undos[run])

    said: dict[int, Standing] = {}
    versions = (
        "SELECT said.record, said.run, said.state, digest FROM dinamis.record_version AS said"
        " JOIN dinamis.run ON run.id = said.run WHERE kind != 'undo' ORDER BY record, version"
    )
    for record, run, *standing in held.rows(versions):
        if is_in_force(run):
            said[record] = _standing(*standing)
    refused = (
        "SELECT subject FROM dinamis.run_note AS note JOIN dinamis.run ON run.id = note.run"
        " WHERE run.kind = 'undo' AND note.kind = 'quarantined'"
    )
    known = f"SELECT id, state, digest FROM dinamis.source_record WHERE record NOT IN ({refused})"
    for record, *standing in held.rows(known):
        assert said.get(record, _WITHDRAWN) == _standing(*standing), record


def _standing(state: str, digest: bytes) -> Standing:
    return _WITHDRAWN if state == "withdrawn" else (state, digest)


INVARIANTS: tuple[Callable[[Held], None], ...] = (
    nothing_is_left_over_and_every_account_adds_up,
    an_image_stands_while_a_record_of_it_is_in_force,
    an_acquisition_has_one_item_in_a_collection,
    what_records_say_makes_them_one_acquisition,
    an_item_says_what_its_records_say,
    items_of_one_acquisition_know_each_other,
    a_collection_tells_of_all_its_items,
    the_sets_are_those_that_all_views_make,
    building_everything_anew_changes_nothing,
    a_record_says_what_the_last_run_in_force_said,
)


@dataclass
class Follower:
    """Another catalogue, which knows ours by its feeds of changes alone."""

    at_once: int = _ALL_AT_ONCE  #: changes on a page
    positions: dict[str, int] = field(default_factory=dict)  #: in the order of changes, by collection
    copies: dict[tuple[str, str], Any] = field(default_factory=dict)  #: Items by collection and id
    gone: set[tuple[str, str]] = field(default_factory=set)  #: those that it had and has no more

    def follow(self, held: Held) -> None:
        """Apply what changed since it looked last; then it has the Items that we have, each where it stands.

        Of each that it had, and has no more, it is told that it is gone.
        """
        before = set(self.copies)
        for collection in held.context.documents:
            for name, kind, position in self._changes(held, collection):
                self.positions[collection] = position
                if kind == "withdrawn":
                    self.copies.pop((collection, name), None)
                    continue
                # What was new and changed again between two pages is told as updated.
                assert kind == "new" or (collection, name) in self.copies or self.at_once < _ALL_AT_ONCE, name
                self.copies[collection, name] = held.items[name]
        assert self.copies == {(item["collection"], name): item for name, item in held.items.items()}
        self.gone = (self.gone | before) - self.copies.keys()
        assert self.gone <= set(held.rows("SELECT collection, item FROM dinamis.tombstone"))

    def _changes(self, held: Held, collection: str) -> Iterator[tuple[str, str, int]]:
        """Item, what became of it, and its place in the order of changes; some at a time, as over HTTP."""
        cursor = RawCursor(held.connection)
        while page := cursor.execute(
            _CHANGES, [collection, self.positions.get(collection, 0), self.at_once]
        ).fetchall():
            yield from ((name, kind, position) for name, kind, _, _, position in page)


# After a harvest


def what_the_source_says_is_in_the_ledger(held: Held, source: InventedSource, report: HarvestReport) -> None:
    """Nothing lost: each record of the source is in force as it is now, or refused; what it withdrew is withdrawn."""
    stands = {
        record: (state, json.loads(bytes(content)) if content else None)
        for record, state, content in held.rows(
            "SELECT known.record, known.state, content FROM dinamis.source_record AS known"
            " LEFT JOIN dinamis.record_version AS said ON said.record = known.id AND said.version = known.version"
            " WHERE feed = %s",
            report.feed,
        )
    }
    refused = {refusal.record for refusal in report.refusals}
    assert {record: stands.get(record) for record in source.records.keys() - refused} == {
        record: ("active", said) for record, said in source.records.items() if record not in refused
    }
    assert {record for record in refused if stands[record][0] == "withdrawn"} == set()
    assert {gone.id for gone in source.withdrawals if stands.get(gone.id, ("withdrawn",))[0] != "withdrawn"} == set()


def each_record_is_in_one_count(source: InventedSource, report: HarvestReport) -> None:
    """What was read is what the source has, and each record ended in one way."""
    of_the_source = report.outcomes.total() - report.outcomes[Outcome.WITHDRAWN]
    assert of_the_source == len(source.records)


def _extent(standing: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The extent of a Collection of these Items."""
    bounds = total_bounds([shape(item["geometry"]) for item in standing]).tolist()
    times = [
        datetime.fromisoformat(item["properties"].get(end) or item["properties"]["datetime"])
        for item in standing
        for end in ("start_datetime", "end_datetime")
    ]
    interval = [f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z" for moment in (min(times), max(times))]
    return {"spatial": {"bbox": [bounds]}, "temporal": {"interval": [interval]}}


def _summaries(standing: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What these Items say of their Collection."""
    said = {
        name: [item["properties"][name] for item in standing if item["properties"].get(name) is not None]
        for name in (*_LISTED, *_MEASURED)
    }
    words = {name: sorted({word for each in said[name] for word in _as_list(each)}) for name in _LISTED if said[name]}
    return words | {name: {"minimum": min(said[name]), "maximum": max(said[name])} for name in _MEASURED if said[name]}


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
