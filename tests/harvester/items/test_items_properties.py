"""What holds for the Item of any records: order, repetition, later deliveries and odd values change nothing wrongly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pystac import Item
from shapely import MultiPolygon, box
from shapely.geometry import shape

from footprints import ViewingDirection, area_km2
from harvester.errors import UnreadableScene
from harvester.items.from_scenes import Sibling, SourcedScene, item_from_scenes, private_part
from tests.scene_records import delivered, product, quicklook, scene
from tests.stac_schemas import validator

ID = "PHR1A_202108151541301"
QUICK = settings(max_examples=40, deadline=None)
START = datetime(2021, 8, 15, 15, 41, 30, 100_000, tzinfo=UTC)

percents = st.none() | st.floats(0, 100)
productions = st.none() | st.integers(0, 3).map(lambda days: START + timedelta(days=days))
moments = st.none() | st.integers(-100, 5000).map(lambda ms: START + timedelta(milliseconds=ms))
viewings = st.none() | st.builds(ViewingDirection, st.floats(0, 359.9), st.floats(0, 60), st.none() | st.floats(0, 50))

products = st.builds(
    product,
    spectral=st.sampled_from(["P", "MS", "PMS", "PMS-N", "PAN", "MS-FS"]),
    level=st.sampled_from(["SENSOR", "ORTHO"]),
    job=st.sampled_from(["1", "2", "CO 3/é", "co 3 é"]),
    produced_at=productions,
    cloud_cover_percent=percents,
    snow_cover_percent=percents,
    radiometry=st.sampled_from(["BASIC", "REFLECTANCE", None]),
)

# Few places, so that equal footprints, overlapping and separate ones are all frequent; some lie at the antimeridian.
footprints = st.builds(
    lambda west, south, size: box(west, south, west + size, south + size),
    st.sampled_from([4.0, 4.05, 4.2, 179.5, -180.0]),
    st.sampled_from([48.7, 48.75, -16.5]),
    st.sampled_from([0.1, 0.2, 0.5]),
)

scenes = st.builds(
    lambda component, held, **changes: scene(component, **changes) if held else replace(scene(**changes), product=None),
    products,
    st.sampled_from([True, True, True, False]),
    footprint=footprints,
    footprint_from=st.sampled_from(["roi-mask", "extent"]),
    clouds=st.sampled_from(
        [None, MultiPolygon(), MultiPolygon([box(4, 48.7, 4.1, 48.8)]), MultiPolygon([box(4.01, 48.71, 4.6, 49.1)])]
    ),
    started_at=moments,
    ended_at=moments,
    viewing=viewings,
    sun_elevation_deg=st.none() | st.floats(-90, 90),
    orbit_state=st.sampled_from([None, "ascending", "descending"]),
    relative_orbit=st.none() | st.integers(1, 400),
    acquisition_station=st.sampled_from([None, "TLS", "KRN"]),
    root=st.sampled_from(["file:///a", "file:///b"]),
    gsd_m=st.sampled_from([None, 0.5, 2.0]),
    cloud_cover_percent=percents,
    source_href=st.sampled_from([None, "https://source.example.org/1", "https://source.example.org/2"]),
    properties=st.dictionaries(
        st.sampled_from(["airbus:archive_identifier", "sar:polarizations"]),
        st.lists(st.sampled_from(["HH", "VV", "HV"]), min_size=1, unique=True),
    ).map(lambda fields: {name: names if name.startswith("sar") else names[0] for name, names in fields.items()}),
    remote_assets=st.lists(
        st.builds(
            quicklook,
            key=st.sampled_from(["overview", "thumbnail", "pms-ortho-1"]),
            href=st.sampled_from(["https://a.example.org/1.jpg", "s3://b/2.jpg"]),
        ),
        max_size=3,
    ).map(tuple),
)
#: In order of precedence; the name of the first is the last in the alphabet.
SOURCES = ("stac", "deliveries", "csw")
records_of_sources = st.builds(
    lambda precedence, record: SourcedScene(SOURCES[precedence], precedence, record),
    st.sampled_from([0, 0, 1, 2]),
    scenes,
)
acquisitions = st.lists(records_of_sources, min_size=1, max_size=5)
siblings = st.lists(
    st.builds(Sibling, st.sampled_from(["A", "B", "C"]), st.sampled_from(["a", "b"]), st.booleans()), max_size=3
)


def json_of(records: Sequence[SourcedScene], others: Sequence[Sibling] = ()) -> dict[str, Any]:
    """The Item of these records as the catalogue gets it."""
    item = item_from_scenes(records, item_id=ID, collection="pleiades", siblings=others)
    document: dict[str, Any] = json.loads(json.dumps(item, allow_nan=False))
    return document


@QUICK
@given(data=st.data(), records=acquisitions, others=siblings)
def test_order_of_records_changes_nothing(
    data: st.DataObject, records: list[SourcedScene], others: list[Sibling]
) -> None:
    """Item and private part are the same to the last byte, for every permutation of the records and the siblings."""
    shuffled = data.draw(st.permutations(records))
    moved = data.draw(st.permutations(others))
    assert json.dumps(json_of(shuffled, moved)) == json.dumps(json_of(records, others))
    assert json.dumps(private_part(shuffled)) == json.dumps(private_part(records))


@QUICK
@given(records=acquisitions)
def test_record_told_twice_is_told_once(records: list[SourcedScene]) -> None:
    """The same records twice make the same Item."""
    assert json_of(records + records) == json_of(records)


@QUICK
@given(records=acquisitions, later=records_of_sources)
def test_later_delivery_takes_no_key_away(records: list[SourcedScene], later: SourcedScene) -> None:
    """Every key, and so every URL, of an Item is there after another delivery of the acquisition."""
    assert set(private_part(records)["assets"]) <= set(private_part([*records, later])["assets"])


@QUICK
@given(records=acquisitions, later=records_of_sources)
def test_later_delivery_takes_no_ground_away(records: list[SourcedScene], later: SourcedScene) -> None:
    """The footprint of an Item only grows with its records, and never beyond the sum of their areas."""
    together = [*records, later]
    before, after = json_of(records), json_of(together)
    assert shape(before["geometry"]).difference(shape(after["geometry"])).area < 1e-9
    area = after["properties"]["dinamis:footprint_area_km2"]
    assert area <= sum(area_km2(record.scene.footprint) for record in together) + 0.001


@QUICK
@given(records=acquisitions)
def test_assets_and_locations_are_of_the_same_keys(records: list[SourcedScene]) -> None:
    """Every asset of ours has a place and every place an asset, in the same order; titles are all distinct."""
    assets = json_of(records)["assets"]
    ours = {key: asset["href"] for key, asset in assets.items() if asset["href"].startswith("assets/")}
    assert list(ours) == list(private_part(records)["assets"])
    assert list(assets) == sorted(assets)
    assert len(set(ours.values())) == len(ours)
    assert len({asset["title"] for asset in assets.values()}) == len(assets)


@QUICK
@given(records=acquisitions)
def test_no_file_of_any_source_is_lost(records: list[SourcedScene]) -> None:
    """Each remote file of each source is an asset, whoever else claims its key."""
    hrefs = {(each.source, asset.key, asset.href) for each in records for asset in each.scene.remote_assets}
    assets = json_of(records)["assets"].values()
    assert sum(not asset["href"].startswith("assets/") for asset in assets) == len(hrefs)


@QUICK
@given(records=acquisitions)
def test_datetime_is_found_in_the_interval(records: list[SourcedScene]) -> None:
    """Where an Item has an interval, its datetime lies in it."""
    item = Item.from_dict(json_of(records))
    start, end = item.common_metadata.start_datetime, item.common_metadata.end_datetime
    assert (start is None) == (end is None)
    assert item.datetime == START
    assert start is None or end is None or start <= START <= end


@settings(QUICK, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=acquisitions)
def test_any_item_follows_the_schemas_and_survives_json(schemas: Path, records: list[SourcedScene]) -> None:
    """Whatever is known of an acquisition, its Item is valid and comes back whole from JSON."""
    document = json_of(records)
    validator(schemas)(
        {**document, "stac_extensions": [uri for uri in document["stac_extensions"] if "/sar/" not in uri]}
    )
    assert Item.from_dict(document).to_dict() == document


@QUICK
@given(
    cloud=st.just(50.0) | st.floats(),
    sampling=st.just(0.5) | st.floats(),
    azimuth=st.just(180.0) | st.floats(),
    transform=st.just((0.5, 0.0, 0.0, 0.0, -0.5, 0.0)) | st.lists(st.floats(), max_size=7).map(tuple),
    facility=st.text(),
)
def test_odd_values_are_refused_and_never_published(
    cloud: float, sampling: float, azimuth: float, transform: tuple[float, ...], facility: str
) -> None:
    """Any number, however odd, makes either a refusal or an Item within the ranges, in strict JSON; never a crash."""
    component = product(
        cloud_cover_percent=cloud, sampling_m=sampling, transform=transform, facility=facility, images=()
    )
    images = product().images
    try:
        document = json_of(delivered(scene(replace(component, images=images), sun_azimuth_deg=azimuth)))
    except UnreadableScene:
        return
    assert 0 <= document["properties"]["eo:cloud_cover"] <= 100
    assert document["properties"]["gsd"] > 0
    assert 0 <= document["properties"]["view:sun_azimuth"] <= 360
