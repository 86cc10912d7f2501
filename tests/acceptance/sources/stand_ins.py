"""A stand-in for each source, behind the feed that the shipped collection documents describe.

Each is a context that yields a `StandIn`: the feed, led to a service on the loopback interface, and what to do there
to change, add and remove one record.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harvester.collection_model import WithdrawalRules
from harvester.feeds import Feed, feeds_of
from tests.emulators import csw, geodes, geonetwork, ign, oneatlas, oneatlas_sar, openspot, resto, stac
from tests.emulators.serving import serving
from tests.harvests import delivery, documents

#: How many records each stand-in has.
COUNT = 8

#: The right key of the emulated identity service.
ENVIRONMENT = {"DINAMIS_SOURCE_ONEATLAS_API_KEY": "right-key"}

#: Absent records go at once, and a quarter of so few is no accident.
AT_ONCE = WithdrawalRules(grace_days=0, max_share=0.5)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class StandIn:
    """A service and the feed that reads it; each action concerns one record."""

    feed: Feed
    change: Callable[[], None]
    add: Callable[[], None]
    remove: Callable[[], None]
    collections: tuple[str, ...]  #: where its Items go
    tells_removals: bool = False  #: by tombstones; the others are noticed by absence


def feed_of(name: str, **options: Any) -> Feed:
    """The feed of a shipped document with other options: addresses of the stand-in, above all."""
    feed = feeds_of(documents(), ENVIRONMENT)[name]
    return led_to(feed, **options)


def led_to(feed: Feed, **options: Any) -> Feed:
    """A feed with other options, that may ask as often as it likes."""
    given = {field: getattr(feed.options, field) for field in feed.options.model_fields_set}
    changed = type(feed.options).model_validate({**given, "rate": 5000.0, **options})
    return replace(feed, options=changed, withdrawals=AT_ONCE)


@contextmanager
def deliveries_on_disk(folder: Path) -> Iterator[StandIn]:
    """Deliveries below a folder, which an operator named in the document."""
    for number in range(COUNT):
        delivery(folder / f"d{number}", seconds=120.0 * number)
    given = feeds_of(documents_with_address("pleiades", folder), {})["pleiades/deliveries"]

    def change() -> None:
        for file in (folder / "d0").rglob("DIM_*.XML"):
            text = file.read_text(encoding="utf-8")
            assert "</Dimap_Document>" in text
            file.write_text(text.replace("</Dimap_Document>", "<!-- once more -->\n</Dimap_Document>"), "utf-8")
            return

    yield StandIn(
        feed=replace(given, withdrawals=AT_ONCE),
        change=change,
        add=lambda: _ignored(delivery(folder / "later", seconds=5000.0)),
        remove=lambda: shutil.rmtree(folder / "d1"),
        collections=("pleiades",),
    )


def documents_with_address(collection: str, folder: Path) -> Any:
    """The shipped documents, the first source of one of them at a folder."""
    shipped = documents()
    document = shipped[collection]
    source = document.harvest.sources[0].model_copy(update={"url": str(folder)})
    harvest = document.harvest.model_copy(update={"sources": [source]})
    content = document.content.model_copy(update={"harvest": harvest})
    return type(shipped)(
        [*(each for each in shipped.values() if each is not document), replace(document, content=content)]
    )


@contextmanager
def oneatlas_of(constellation: str, collection: str, seed: int = 0) -> Iterator[StandIn]:
    """OneAtlas with its deletions and its identity service."""
    features = oneatlas.synthetic_features(COUNT + 1, constellation=constellation, seed=seed)
    service = oneatlas.OneAtlas(features[:-1])
    names = sorted(service.ids())
    with serving(service.app()) as url:
        addresses = {"url": f"{url}/search", "token_url": f"{url}/token", "deleted_url": f"{url}/deleted"}
        yield StandIn(
            feed=feed_of(f"{collection}/oneatlas", **addresses),
            change=lambda: service.touch(names[0], _now(), cloudCover=42.0),
            add=lambda: _touched(service, features[-1]),
            remove=lambda: service.delete(names[1], _now()),
            collections=(collection,),
            tells_removals=True,
        )


def _touched(service: oneatlas.OneAtlas, feature: dict[str, Any]) -> None:
    service.put(feature)
    service.touch(feature["properties"]["id"], _now())


@contextmanager
def oneatlas_sar_catalogue(_: Path) -> Iterator[StandIn]:
    """The radar catalogue with its revocations."""
    features = oneatlas_sar.synthetic_features(COUNT + 1)
    service = oneatlas_sar.SarCatalogue(features[:-1])

    def put(feature: dict[str, Any], **properties: Any) -> None:
        said = feature["properties"] | {"lastUpdateTime": oneatlas.written(_now())} | properties
        service.put(feature | {"properties": said})

    with serving(service.app()) as url:
        yield StandIn(
            feed=feed_of("radar/oneatlas-sar", url=f"{url}/catalogue", token_url=f"{url}/token"),
            change=lambda: put(features[0], quality="APPROVED"),
            add=lambda: put(features[-1]),
            remove=lambda: service.revoke(features[1]["properties"]["acquisitionId"], _now()),
            collections=("radar",),
            tells_removals=True,
        )


@contextmanager
def geodes_portal(_: Path) -> Iterator[StandIn]:
    """GEODES; its versions are new records of the same identifier."""
    records = geodes.synthetic_records(COUNT + 1)
    service = geodes.app(records[:-1])
    names = [record["properties"]["identifier"] for record in records]

    def add() -> None:
        later = records[-1]
        service.add(later | {"properties": later["properties"] | {"datetime": oneatlas.written(_now())}})

    with serving(service) as url:
        yield StandIn(
            feed=feed_of("sentinel/geodes", url=url),
            change=lambda: service.supersede(names[0], _now(), **{"eo:cloud_cover": 42.0}),
            add=add,
            remove=lambda: service.delete(names[1]),
            collections=("sentinel",),
        )


@contextmanager
def stac_api(_: Path) -> Iterator[StandIn]:
    """A STAC API like that of Montpellier."""
    items = list(stac.synthetic_items(COUNT + 1))
    records = {item["id"]: item for item in items[:-1]}

    def put(item: dict[str, Any], **properties: Any) -> None:
        said = item["properties"] | {"updated": oneatlas.written(_now())} | properties
        records[item["id"]] = item | {"properties": said}

    with serving(stac.app(records)) as url:
        yield StandIn(
            feed=feed_of("spot-6-7-drs/stac", url=f"{url}/"),
            change=lambda: put(items[0], **{"eo:cloud_cover": 42.0}),
            add=lambda: put(items[-1]),
            remove=lambda: _ignored(records.pop(items[1]["id"])),
            collections=("spot-6-7-drs",),
        )


@contextmanager
def csw_catalogue(_: Path) -> Iterator[StandIn]:
    """A CSW with scenes of SPOT 5; it knows no ParentIdentifier, of which a real pycsw is asked."""
    scenes = [number for number in range(30) if number % 3][: COUNT + 1]  # every third does not name its satellite
    catalogue = csw.CswCatalogue.of(csw.iso_scene(number) for number in scenes[:-1])
    names = list(catalogue.records)
    with serving(csw.app(catalogue)) as url:
        yield StandIn(
            feed=feed_of("spot-1-5-france/geosud", url=f"{url}/csw", where={}),
            change=lambda: catalogue.put(csw.iso_scene(scenes[0], changed=f"{_now():%Y-%m-%d}")),
            add=lambda: catalogue.put(csw.iso_scene(scenes[-1], changed=f"{_now():%Y-%m-%d}")),
            remove=lambda: catalogue.remove(names[1]),
            collections=("spot-1-5-france",),
        )


@contextmanager
def geonetwork_node(_: Path) -> Iterator[StandIn]:
    """FormaTerre, here with scenes that name their satellite."""

    def record(number: int, **changes: Any) -> str:
        day = f"2005-07-{number + 1:02}"
        return csw.iso_metadata(f"dsm-{number}", root="gmi:MI_Metadata", platform="SPOT5", period=(day, day), **changes)

    catalogue = geonetwork.GeoNetworkCatalogue.of(record(number) for number in range(COUNT))
    now = f"{_now():%Y-%m-%dT%H:%M:%SZ}"
    with serving(geonetwork.app(catalogue)) as url:
        yield StandIn(
            feed=feed_of("dsm/geonetwork", url=f"{url}/geonetwork"),
            change=lambda: catalogue.put(record(0, cloud=42.0), now),
            add=lambda: catalogue.put(record(COUNT), now),
            remove=lambda: catalogue.remove("dsm-1"),
            collections=("dsm",),
        )


@contextmanager
def resto_service(_: Path) -> Iterator[StandIn]:
    """Kalideos as a resto 2."""
    records = resto.synthetic_records(COUNT + 1, "v2")
    service = resto.app(records[:-1], "v2")
    names = [record["id"] for record in records]

    def add() -> None:
        service.records.append(records[-1])
        service.change(names[-1], _now())

    with serving(service) as url:
        yield StandIn(
            feed=feed_of("radar/kalideos", url=url, collection="S2ST"),
            change=lambda: service.change(names[0], _now(), cloudCover=42.0),
            add=add,
            remove=lambda: service.delete(names[1]),
            collections=("radar",),
        )


@contextmanager
def openspot_site(_: Path) -> Iterator[StandIn]:
    """OpenSpot, which gives everything each time."""
    features = openspot.features(COUNT + 1)
    service = openspot.OpenSpot(layers={"2018_PMS": features[:-1]})
    with serving(service.app) as url:
        yield StandIn(
            feed=feed_of("spot-6-7-open/openspot", url=f"{url}/"),
            change=lambda: features[0]["properties"].update(resolution=1.6),
            add=lambda: service.layers["2018_PMS"].append(features[-1]),
            remove=lambda: _ignored(service.layers["2018_PMS"].pop(1)),
            collections=("spot-6-7-open",),
        )


@contextmanager
def ign_services(family: str, collection: str) -> Iterator[StandIn]:
    """The Géoplateforme; a layer is as many records as it has regions."""
    years = range(2014, 2014 + COUNT + 1)
    layers = ign.coverages(family, years)
    service = ign.Geoplateforme(coverages=layers[:-1])

    def change() -> None:
        layers[0].dimensions["STYLE"] = "normal"

    with serving(service.app) as url:
        yield StandIn(
            feed=feed_of(f"{collection}/ign", url=f"{url}/wmts", wms_url=f"{url}/wms-r/wms"),
            change=change,
            add=lambda: service.coverages.append(layers[-1]),
            remove=lambda: _ignored(service.coverages.pop(1)),
            collections=(collection,),
        )


def _ignored(_: object) -> None:
    """What an action answers is of no interest."""


Standing = Callable[[Path], AbstractContextManager[StandIn]]

STAND_INS: Mapping[str, Standing] = {
    "deliveries": deliveries_on_disk,
    "oneatlas-phr": lambda _: oneatlas_of("PHR", "airbus-archive-pleiades"),
    "oneatlas-spot": lambda _: oneatlas_of("SPOT", "airbus-archive-spot", seed=1),
    "oneatlas-pneo": lambda _: oneatlas_of("PNEO", "airbus-archive-pleiades-neo", seed=2),
    "oneatlas-sar": oneatlas_sar_catalogue,
    "geodes": geodes_portal,
    "stac": stac_api,
    "csw": csw_catalogue,
    "geonetwork": geonetwork_node,
    "resto": resto_service,
    "openspot": openspot_site,
    "ign-spot": lambda _: ign_services("SPOT", "spot-annual-coverage"),
    "ign-pleiades": lambda _: ign_services("PLEIADES", "pleiades-littoral"),
}
