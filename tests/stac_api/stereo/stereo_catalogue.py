"""A catalogue of a few invented passes: their images, and the sets among them as the harvest stores them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from shapely.geometry import Polygon, box, mapping, shape

from database import Database
from footprints import StereoPair, StereoTriplet, View, find_stereo_groups, footprint_bbox
from footprints.stereo.properties import STEREO_EXTENSION, set_id, stereo_mode, stereo_properties, view_of_image
from tests.stac_api.invented_catalogue import a_collection, load

HELD, ARCHIVE, OPEN = "pleiades", "airbus-archive-pleiades", "spot-6-7-open"
HELD_SETS, HELD_TRIPLETS, ARCHIVE_SETS = "pleiades-stereo", "pleiades-tristereo", "airbus-archive-pleiades-stereo"
NUMBERS = (
    "convergence_angle base_to_height bisector_elevation_angle asymmetry_angle overlap time_span cloud_cover_max "
    "suitability sun_azimuth_difference sun_elevation_difference view_count"
)
TEXTS = ("platform", "title", "stereo:mode", "stereo:direction_source")
LISTS = ("stereo:views", "stereo:views_to_order", "dinamis:view_collections")
FIRST_PASS = datetime(2023, 7, 1, 10, 30, tzinfo=UTC)


def an_image(
    stamp: tuple[float, float],
    place: tuple[float, float],
    direction: tuple[float, float],
    collection: str = HELD,
    *,
    cloud_percent: float = 2,
    **properties: Any,
) -> dict[str, Any]:
    """An image of 0.2° by 0.2°.

    Args:
        stamp: Days and seconds after the first pass.
        place: Its south-west corner: longitude, latitude.
        direction: Azimuth and incidence from the target to the satellite.
        collection: Where its Item stands.
        cloud_percent: Its cloud cover.
        properties: Further ones, or others.
    """
    moment = FIRST_PASS + timedelta(days=stamp[0], seconds=stamp[1])
    name = f"{'ARCHIVE-' if collection == ARCHIVE else ''}PHR1A_{moment:%Y%m%d%H%M%S}0"
    outline = box(*place, place[0] + 0.2, place[1] + 0.2)
    facts = {
        "title": name,
        "datetime": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "platform": "pleiades-1a",
        "view:azimuth": direction[0],
        "view:incidence_angle": direction[1],
        "view:sun_azimuth": 150.0 + stamp[0],
        "view:sun_elevation": 60.0,
        "eo:cloud_cover": cloud_percent,
        "gsd": 0.5,
        "dinamis:source": ["deliveries"],
        **({"dinamis:held": False} if collection == ARCHIVE else {}),
    }
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": name,
        "collection": collection,
        "geometry": mapping(outline),
        "bbox": list(outline.bounds),
        "properties": {**facts, **properties},
        "links": [],
        "assets": {},
    }


MONTPELLIER, NICE, PARIS, CORSICA, LYON = (3.8, 43.5), (7.1, 43.6), (2.2, 48.8), (9.0, 42.0), (4.7, 45.7)

TRIPLET = [
    an_image((0, 0), MONTPELLIER, (5, 12)),
    an_image((0, 14), MONTPELLIER, (95, 2)),
    an_image((0, 28), MONTPELLIER, (185, 12)),
]
CLOUDY_PAIR = [
    an_image((1, 0), NICE, (10, 15), cloud_percent=40),
    an_image((1, 30), NICE, (170, 8), cloud_percent=10),
]
HALF_HELD_PAIR = [an_image((2, 0), PARIS, (0, 9)), an_image((2, 27), PARIS, (180, 9), ARCHIVE)]
OPEN_PAIR = [
    an_image((3, 0), CORSICA, (0, 10), OPEN, platform="spot-6"),
    an_image((3, 31), CORSICA, (180, 11), OPEN, platform="spot-6"),
]
FOUR_VIEWS = [an_image((4, 14 * n), LYON, (5 if n < 2 else 185, abs(15 - 10 * n)), cloud_percent=n) for n in range(4)]
NARROW_PAIR = [
    an_image((5, 0), (5.0, 40.0), (0, 1.2)),
    an_image((5, 4), (5.15, 40.0), (180, 0.4)),
]
LATER = [an_image((13, 0), NICE, (280, 20), platform="pleiades-1b")]
IMAGES = [*TRIPLET, *CLOUDY_PAIR, *HALF_HELD_PAIR, *OPEN_PAIR, *FOUR_VIEWS, *NARROW_PAIR, *LATER]

COLLECTIONS = [
    *(a_collection(name, name, "Images.") for name in (HELD, ARCHIVE, OPEN)),
    *(
        a_collection(name, name, "Sets.", summaries={"stereo:mode": [mode], "dinamis:view_collections": views})
        for name, mode, views in (
            (HELD_SETS, "stereo", [HELD]),
            (HELD_TRIPLETS, "tri-stereo", [HELD]),
            (ARCHIVE_SETS, "stereo", [HELD, ARCHIVE]),
        )
    ),
]


def view_of(image: dict[str, Any]) -> View:
    """The image as the finder takes it."""
    outline = shape(image["geometry"])
    assert isinstance(outline, Polygon)
    view = view_of_image(image["id"], outline, image["properties"])
    assert view is not None
    return view


def stored_set(found: StereoPair | StereoTriplet) -> dict[str, Any]:
    """The Item of a set as the harvest would store it."""
    by_id = {image["id"]: image for image in IMAGES}
    views = [by_id[name] for name in found.ids]
    to_order = [view["id"] for view in views if view["collection"] == ARCHIVE]
    started, ended = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (found.started_at, found.ended_at))
    footprint = found.common_footprint()
    sets = HELD_SETS if stereo_mode(found) == "stereo" else HELD_TRIPLETS
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [STEREO_EXTENSION],
        "id": set_id(found.views),
        "collection": ARCHIVE_SETS if to_order else sets,
        "geometry": mapping(footprint),
        "bbox": list(footprint_bbox(footprint)),
        "properties": {
            "datetime": started,
            "start_datetime": started,
            "end_datetime": ended,
            "title": set_id(found.views),
            "platform": found.platform,
            "eo:cloud_cover": found.worst_cloud_cover_percent,
            "stereo:views_to_order": to_order,
            "dinamis:held": not to_order,
            "dinamis:view_collections": sorted({view["collection"] for view in views}),
            **stereo_properties(found),
        },
        "links": [],
        "assets": {},
    }


def stored_sets() -> list[dict[str, Any]]:
    """All sets of the images, but those of the collection that has no collection of sets."""
    found = find_stereo_groups([view_of(image) for image in IMAGES if image["collection"] != OPEN])
    sets: list[StereoPair | StereoTriplet] = [*found.pairs, *found.triplets]
    return [stored_set(each) for each in sets]


def fill_with_stereo(database: Database) -> None:
    """Load the images and their sets, with the properties that are declared for them."""
    numbers = [f"stereo:{name}" for name in NUMBERS.split()]
    kinds = {
        **{name: {"type": "number"} for name in ("eo:cloud_cover", "gsd", *numbers)},
        **{name: {"type": "string"} for name in TEXTS},
        **{name: {"type": "array", "items": {"type": "string"}} for name in LISTS},
        "dinamis:held": {"type": "boolean"},
    }
    with database.connect("owner", autocommit=True) as connection:
        for name, definition in kinds.items():
            connection.execute(
                "INSERT INTO pgstac.queryables (name, definition) VALUES (%s, %s)", (name, Jsonb(definition))
            )
    load(database, COLLECTIONS, [*IMAGES, *stored_sets()])
