"""The finder of stereo: archives with a truth, and what makes it hard."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box, shape

from footprints import (
    AzimuthConvention,
    DirectionSource,
    NormalisedDirection,
    Region,
    RingError,
    StereoLimits,
    View,
    ViewingDirection,
    ViewingError,
    ViewTable,
    area_km2,
    find_acquisition_columns,
    find_acquisitions,
    find_link_columns,
    find_stereo_groups,
    find_stereo_pairs,
    find_triplet_columns,
    footprint_from_corners,
    normalised_direction,
    overlap_km2,
    pair_columns,
    pairs_among,
    valid_footprint,
)
from tests.footprints.stereo.stereo_archive import Archive, truth_of

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
LIMITS = StereoLimits()
CONVENTIONS = {
    None: AzimuthConvention.GROUND_TO_SATELLITE,
    "scan_axis": AzimuthConvention.SCAN_AXIS,
    "sat_to_ground": AzimuthConvention.SATELLITE_TO_GROUND,
}
ANGLES = ("azimuth_deg", "incidence_deg", "along_deg", "across_deg", "scan_azimuth_deg")


def view_of(record: dict[str, Any], footprint: Region | None = None) -> View:
    """A record of the samples as the finder takes it."""
    angles: dict[str, Any] = {name: record.get(name) for name in ANGLES}
    convention = CONVENTIONS[record.get("azimuth_convention")]
    return View(
        id=record["id"],
        platform=record["platform"],
        acquired_at=datetime.fromisoformat(record["datetime"]),
        footprint=footprint or valid_footprint(shape(record["geometry"])),
        direction=normalised_direction(convention=convention, **angles),
        cloud_cover_percent=record.get("cloud_cover"),
        sun_azimuth_deg=record.get("sun_azimuth_deg"),
        sun_elevation_deg=record.get("sun_elevation_deg"),
        gsd_m=record.get("gsd_m"),
    )


def records_of(path: Path) -> Iterator[View]:
    """The records of an archive."""
    return (view_of(json.loads(line)) for line in path.read_text().splitlines())


def seen(name: str, seconds: float, azimuth: float | None, incidence: float | None, **changes: Any) -> View:
    """A view of one place, some seconds after noon."""
    source = DirectionSource.FLIGHT_TIME if azimuth is None else DirectionSource.GIVEN
    view = View(
        id=name,
        platform="PHR1A",
        acquired_at=NOON + timedelta(seconds=seconds),
        footprint=box(2, 45, 2.2, 45.2),
        direction=NormalisedDirection(azimuth, incidence, source),
    )
    return replace(view, **changes)


#: Three views of one pass, 20 s apart, that fly from north to south over the place.
TRIPLE = [seen("a", 0, 0, 12.0), seen("b", 20, 90, 0.5), seen("c", 40, 180, 12.0)]


def judged(found: set[tuple[str, ...]], entries: list[dict[str, Any]]) -> tuple[set[Any], set[Any]]:
    """What was found in excess and what is missing, the borderline entries of the truth aside."""
    true = {tuple(e["ids"]) for e in entries if e["valid"] and not e["borderline"]}
    borderline = {tuple(e["ids"]) for e in entries if e["borderline"]}
    return found - true - borderline, true - found


@pytest.mark.parametrize("name", ["archive", "archive_adversarial"])
def test_archives_with_truth_are_found_whole_and_nothing_else(samples: Path, name: str) -> None:
    """Precision and recall of pairs and triplets are 1, and every record joins its acquisition."""
    truth = json.loads((samples / "stereo" / f"{name}_truth.json").read_text())
    records = list(records_of(samples / "stereo" / f"{name}.ndjson"))
    found = find_stereo_groups(records)
    assert judged({pair.ids for pair in found.pairs}, truth["pairs"]) == (set(), set())
    assert judged({triplet.ids for triplet in found.triplets}, truth["triplets"]) == (set(), set())
    merged = {record: view.id for view in find_acquisitions(records) for record in view.record_ids}
    assert merged == {record.id: truth["canonical"].get(record.id, record.id) for record in records}


@pytest.mark.parametrize("name", ["archive", "archive_adversarial"])
def test_quantities_of_the_archives_are_those_of_the_truth(samples: Path, name: str) -> None:
    """Convergence, base to height, seconds and shares agree to the digits of the truth."""
    truth = json.loads((samples / "stereo" / f"{name}_truth.json").read_text())
    pairs = {pair.ids: pair for pair in find_stereo_pairs(records_of(samples / "stereo" / f"{name}.ndjson"))}
    expected = [entry for entry in truth["pairs"] if tuple(entry["ids"]) in pairs]
    assert len(expected) > 800
    for entry in expected:
        pair = pairs[tuple(entry["ids"])]
        assert pair.convergence_deg == pytest.approx(entry["convergence_deg"], abs=2e-4)
        assert pair.base_to_height == pytest.approx(entry["bh"], abs=1e-4)
        assert pair.time_span_s == pytest.approx(entry["dt_s"], abs=2e-3)
        assert pair.overlap == pytest.approx(entry["overlap_ratio"], abs=5e-4)


@pytest.mark.parametrize("seed", [1, 2])
def test_generated_archives_agree_with_brute_force(seed: int) -> None:
    """Also when their records are copied, cut, shuffled, and their azimuths in mixed conventions or missing."""
    archive = Archive.generate(700, seed)
    truth = truth_of(archive.views(), LIMITS)
    assert min(len(truth.pairs), len(truth.triplets)) > 100
    for views in (archive.views(), archive.records(seed)):
        found = find_stereo_groups(views)
        assert {pair.ids for pair in found.pairs} ^ truth.pairs <= truth.borderline
        assert {triplet.ids for triplet in found.triplets} ^ truth.triplets <= truth.borderline


def test_columns_give_what_views_give() -> None:
    """The entry for millions of records is the same finder."""
    archive = Archive.generate(1000, 3)
    pairs = find_stereo_groups(archive.views())
    table = archive.table()
    links = find_link_columns(table, LIMITS)
    columns = pair_columns(table, links[pairs_among(links, LIMITS)])
    triplets = find_triplet_columns(table, links, LIMITS)
    assert [pair.ids for pair in pairs.pairs] == _names(table, columns.first, columns.second)
    assert [triplet.ids for triplet in pairs.triplets] == _names(table, *triplets.rows)
    np.testing.assert_allclose(columns.convergence_deg, [pair.convergence_deg for pair in pairs.pairs], rtol=1e-9)
    np.testing.assert_allclose(columns.overlap_km2, [pair.overlap_km2 for pair in pairs.pairs], rtol=1e-6)


def _names(table: ViewTable, *rows: np.ndarray[Any, np.dtype[np.intp]]) -> list[tuple[str, ...]]:
    return [tuple(f"view-{table.ids[row]:06}" for row in each) for each in zip(*rows, strict=True)]


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_of_records_does_not_matter(random: Any) -> None:
    """Every list comes out the same, quantities included."""
    records = Archive.generate(60, 11).records(11)
    expected = find_stereo_groups(records)
    random.shuffle(records)
    assert find_stereo_groups(records) == expected


def test_large_archives_do_not_depend_on_how_much_is_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep goes on where it stopped."""
    views = Archive.generate(300, 12).views()
    expected = find_stereo_groups(views)
    monkeypatch.setattr("footprints.stereo.sweep._CANDIDATES_AT_ONCE", 7)
    monkeypatch.setattr("footprints.stereo.overlap._CLIPPED_AT_ONCE", 5)
    assert find_stereo_groups(views) == expected


def test_tri_stereo_has_roles_by_time() -> None:
    """Forward, nadir and backward, with the three pairs between them."""
    (triplet,) = find_stereo_groups(reversed(TRIPLE)).triplets
    assert triplet.ids == ("a", "b", "c")
    assert [pair.ids for pair in triplet.pairs] == [("a", "b"), ("b", "c"), ("a", "c")]
    assert triplet.pairs[2].convergence_deg == pytest.approx(24)
    assert triplet.overlap == pytest.approx(1)
    assert triplet.overlap_km2 == pytest.approx(area_km2(triplet.common_footprint()), rel=1e-4)
    assert (triplet.is_estimated, triplet.azimuth_doubtful) == (False, False)


def test_triplet_without_a_common_area_is_three_pairs_only() -> None:
    """Pairwise overlaps of a half leave nothing in the middle of a ring."""
    shifts = [(0, 0), (0.09, 0), (0.045, 0.09)]
    moved = [
        replace(v, footprint=box(2 + x, 45 + y, 2.2 + x, 45.2 + y)) for v, (x, y) in zip(TRIPLE, shifts, strict=True)
    ]
    limits = StereoLimits(min_overlap=0.42)
    found = find_stereo_groups(moved, limits)
    assert (len(found.pairs), len(found.triplets)) == (3, 0)


def test_groups_are_the_largest_sets_that_overlap_each_other() -> None:
    """A fourth view that overlaps two of three makes a second group."""
    fourth = seen("d", 60, 180, 22.0, footprint=box(2.09, 45, 2.29, 45.2))
    first, second, third = (
        replace(view, footprint=box(2 + shift, 45, 2.2 + shift, 45.2))
        for view, shift in zip(TRIPLE, (0, 0.01, 0.02), strict=True)
    )
    limits = StereoLimits(min_overlap=0.58)
    groups = find_stereo_groups([first, second, third, fourth], limits).groups
    assert [(group.ids, group.kind) for group in groups] == [
        (("a", "b", "c"), "tri-stereo"),
        (("b", "c", "d"), "tri-stereo"),
    ]


def test_27_views_of_one_pass_are_one_group(samples: Path) -> None:
    """All published pairs are among its pairs, and its 2925 triplets are not listed."""
    cases = json.loads((samples / "stereo" / "published_cases.json").read_text())["cases"]
    atlanta = next(case for case in cases if len(case["scenes"]) == 27)
    views = [view_of(scene, footprint=box(-84.5, 33.6, -84.3, 33.8)) for scene in atlanta["scenes"]]
    found = find_stereo_groups(views)
    largest = max(found.groups, key=lambda group: len(group.views))
    assert (len(largest.views), largest.kind) == (27, "multi-view")
    assert found.triplets == []
    named = {frozenset(pair.ids) for pair in largest.pairs}
    assert all(frozenset(pair["ids"]) in named for pair in atlanta["published"]["pairs"])
    ratios = [pair.flight_time_ratio for pair in found.pairs if pair.flight_time_ratio is not None]
    assert np.median(ratios) == pytest.approx(1, abs=0.1)


def test_group_of_twelve_still_lists_its_triplets() -> None:
    """The limit itself is within."""
    views = [seen(f"v{n:02}", 6 * n, 0 if n < 6 else 180, 4.0 * abs(n - 6) + 0.1) for n in range(12)]
    listed = find_stereo_groups(views)
    assert [len(group.views) for group in listed.groups] == [12]
    assert len(listed.triplets) > 100
    assert find_stereo_groups(views, StereoLimits(max_enumerated_views=11)).triplets == []


def test_many_views_from_nearly_one_direction_are_one_group_at_once() -> None:
    """Sixty views a degree apart would make millions of groups if neighbours were left out of them in turn."""
    views = [seen(f"v{n:02}", 4 * n, 0 if n < 30 else 180, abs(n - 30) * 1.2 + 0.1) for n in range(60)]
    (group,) = find_stereo_groups(views).groups
    assert len(group.views) == 60


def test_equal_times_are_ordered_by_id_and_lost_neither() -> None:
    """Times rounded to minutes still make a pair, whose flight time warns."""
    (pair,) = find_stereo_pairs([seen("b", 0, 0, 12.0), seen("a", 0, 180, 12.0)])
    assert pair.ids == ("a", "b")
    assert (pair.time_span_s, pair.azimuth_doubtful) == (0, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"platform": "PHR1B"},
        {"acquired_at": NOON + timedelta(seconds=301)},
        {"footprint": box(2.15, 45, 2.35, 45.2)},
        {"footprint": box(2, 46, 2.2, 46.2)},
        {
            "direction": NormalisedDirection(180, 40.0, DirectionSource.GIVEN),
            "acquired_at": NOON + timedelta(seconds=105),
        },
        {"direction": NormalisedDirection(0, 11.0, DirectionSource.GIVEN), "acquired_at": NOON + timedelta(seconds=2)},
    ],
    ids=["another satellite", "another pass", "neighbouring strip", "elsewhere", "too wide", "too narrow"],
)
def test_two_views_are_no_pair(changes: dict[str, Any]) -> None:
    """When one limit is not kept."""
    assert find_stereo_pairs([TRIPLE[0], TRIPLE[2]])
    assert find_stereo_pairs([TRIPLE[0], replace(TRIPLE[2], **changes)]) == []


def test_last_second_of_the_pass_is_within() -> None:
    """The bounds themselves count."""
    assert len(find_stereo_pairs([TRIPLE[0], replace(TRIPLE[2], acquired_at=NOON + timedelta(seconds=300))])) == 1


def test_tiny_overlap_of_tiny_images_is_no_pair() -> None:
    """At least a square kilometre is wanted."""
    small = [replace(view, footprint=box(2, 45, 2.01, 45.01)) for view in TRIPLE]
    assert find_stereo_pairs(small) == []
    assert len(find_stereo_pairs(small, StereoLimits(min_overlap_km2=0.5))) == 3


def test_shares_are_of_each_footprint_and_the_greater_one_is_that_of_the_smaller() -> None:
    """Half of the first image is a quarter of the second, which is twice as wide."""
    wide = replace(TRIPLE[2], footprint=box(2.1, 45, 2.5, 45.2))
    (pair,) = find_stereo_pairs([TRIPLE[0], wide], StereoLimits(min_overlap=0.4))
    assert (pair.overlap_of_first, pair.overlap_of_second) == pytest.approx((0.5, 0.25), rel=1e-6)
    assert pair.overlap == pair.overlap_of_first


@pytest.mark.parametrize("west", [-180.1, 179.9])
def test_pair_over_the_antimeridian_is_as_any_other(west: float) -> None:
    """Whether one footprint is cut and the other goes on beyond 180°."""
    cut = footprint_from_corners([(179.9, 45), (-179.9, 45), (-179.9, 45.2), (179.9, 45.2)])
    views = replace(TRIPLE[0], footprint=cut), replace(TRIPLE[2], footprint=box(west, 45, west + 0.2, 45.2))
    (pair,) = find_stereo_pairs(views)
    (inland,) = find_stereo_pairs([TRIPLE[0], TRIPLE[2]])
    assert pair.overlap_km2 == pytest.approx(inland.overlap_km2, rel=1e-6)
    assert pair.overlap == pytest.approx(1, rel=1e-6)
    assert area_km2(pair.common_footprint()) == pytest.approx(pair.overlap_km2, rel=1e-4)


def test_pair_over_the_pole_is_found() -> None:
    """A cap and an image beside the pole."""
    cap = footprint_from_corners([(0, 89.9), (90, 89.9), (180, 89.9), (270, 89.9)])
    beside = footprint_from_corners([(0, 89.95), (90, 89.9), (180, 89.9), (270, 89.9)])
    (pair,) = find_stereo_pairs([replace(TRIPLE[0], footprint=cap), replace(TRIPLE[2], footprint=beside)])
    assert pair.overlap_km2 == pytest.approx(overlap_km2(cap, beside), rel=1e-3)


def test_missing_azimuth_is_replaced_by_the_flight_time_and_said() -> None:
    """40 s of Pléiades make about 24°, and what needs an azimuth is not told."""
    (pair,) = find_stereo_pairs([TRIPLE[0], seen("c", 40, None, 12.0)])
    assert pair.direction_source is DirectionSource.FLIGHT_TIME
    assert pair.convergence_deg == pair.flight_time_deg == pytest.approx(24, rel=0.03)
    assert pair.parallax_to_height is pair.asymmetry_deg is pair.roll_deg is pair.flight_time_ratio is None
    assert (pair.is_estimated, pair.azimuth_doubtful) == (True, False)


def test_views_without_any_angle_are_judged_by_time_alone() -> None:
    """Even then stereo is found, as if the satellite had been overhead."""
    found = find_stereo_groups([seen(name, 20 * n, None, None) for n, name in enumerate("abc")])
    assert (len(found.pairs), len(found.triplets)) == (3, 1)
    assert found.triplets[0].is_estimated


def test_assumed_scan_axis_is_flagged() -> None:
    """Components without the axis they belong to are taken at 180°."""
    views = [
        replace(view, direction=normalised_direction(along_deg=along, across_deg=3.0))
        for view, along in zip((TRIPLE[0], TRIPLE[2]), (-12.0, 12.0), strict=True)
    ]
    (pair,) = find_stereo_pairs(views)
    assert (pair.direction_source, pair.is_estimated) == (DirectionSource.ASSUMED_SCAN_AXIS, True)
    assert pair.convergence_deg == pytest.approx(23.9, abs=0.2)


def test_pair_that_a_wrong_convention_would_hide_is_kept_and_flagged() -> None:
    """Scan axes taken as azimuths leave 0°, which 40 s of flight contradict."""
    (pair,) = find_stereo_pairs([seen("a", 0, 180, 12.0), seen("c", 40, 180, 12.0)])
    assert pair.azimuth_doubtful
    assert pair.convergence_deg == pytest.approx(0, abs=1e-6)
    assert pair.flight_time_deg == pytest.approx(24, rel=0.03)


def test_triplet_survives_one_doubtful_azimuth() -> None:
    """It is judged by the flight time then."""
    turned = seen("c", 40, 0, 12.0)
    (triplet,) = find_stereo_groups([*TRIPLE[:2], turned]).triplets
    assert triplet.azimuth_doubtful


@pytest.mark.parametrize(
    "copy",
    [
        seen("a-copy", 0.2, 0, 12.0, footprint=box(2, 45, 2.1, 45.15)),
        seen("a-copy", 0.2, None, 12.0),
        seen("a-copy", 0.2, None, None),
        seen("a-copy", 9, 0, 12.0, acquisition_keys=frozenset({"strip 7"})),
    ],
    ids=["clip", "no azimuth", "no angle", "same key"],
)
def test_products_of_one_image_are_one_acquisition(copy: View) -> None:
    """Clips, other levels and records with less known; the smallest id speaks, the best direction counts."""
    original = replace(TRIPLE[0], acquisition_keys=frozenset({"strip 7"}))
    (merged,) = find_acquisitions([copy, original])
    assert (merged.id, merged.record_ids) == ("a", ("a", "a-copy"))
    assert merged.direction == original.direction
    assert merged.footprint.equals(original.footprint)


@pytest.mark.parametrize(
    "other",
    [seen("b", 1, 0, 14.0), seen("b", 4, 0, 12.0), seen("b", 1, 0, 12.0, footprint=box(2.15, 45, 2.35, 45.2))],
    ids=["another direction", "another time", "another place"],
)
def test_two_images_stay_two_acquisitions(other: View) -> None:
    """When time, direction or place tells them apart."""
    assert len(find_acquisitions([TRIPLE[0], other])) == 2


def test_clips_of_one_image_add_up() -> None:
    """The footprint of an acquisition is the union of its records'."""
    west, east = (seen(f"a{n}", 0, 0, 12.0, footprint=box(2 + n / 20, 45, 2.15 + n / 20, 45.2)) for n in range(2))
    (merged,) = find_acquisitions([west, east])
    assert merged.footprint.symmetric_difference(box(2, 45, 2.2, 45.2)).area < 1e-9
    ((found,), columns) = find_stereo_pairs([west, east, TRIPLE[2]]), ViewTable.of_views([west, east, TRIPLE[2]])
    assert found.overlap == pytest.approx(1, rel=1e-6)
    table = find_acquisition_columns(columns, LIMITS).table(columns)
    assert table.outlines.areas_km2[0] == pytest.approx(area_km2(box(2, 45, 2.2, 45.2)), rel=1e-4)


def test_merging_twice_changes_nothing() -> None:
    """Acquisitions are acquisitions."""
    merged = find_acquisitions(Archive.generate(100, 4).records(4))
    assert find_acquisitions(merged) == merged


def test_pair_tells_the_worst_of_its_views() -> None:
    """Clouds, sun and ground sample distance, over north and unless one view is silent."""
    first = replace(TRIPLE[0], cloud_cover_percent=5, sun_azimuth_deg=359, sun_elevation_deg=40, gsd_m=0.7)
    second = replace(TRIPLE[2], cloud_cover_percent=15, sun_azimuth_deg=2, sun_elevation_deg=41, gsd_m=0.84)
    (pair,) = find_stereo_pairs([first, second])
    assert (pair.worst_cloud_cover_percent, pair.mean_cloud_cover_percent) == (15, 10)
    assert (pair.sun_azimuth_difference_deg, pair.sun_elevation_difference_deg) == (3, 1)
    assert pair.gsd_ratio == pytest.approx(1.2)
    (silent,) = find_stereo_pairs([replace(first, cloud_cover_percent=None, gsd_m=None, sun_azimuth_deg=None), second])
    assert silent.worst_cloud_cover_percent is silent.mean_cloud_cover_percent is silent.gsd_ratio is None
    assert silent.sun_azimuth_difference_deg is None


@pytest.mark.parametrize("find", [find_acquisitions, find_stereo_pairs])
def test_nothing_comes_of_nothing(find: Callable[[list[View]], list[Any]]) -> None:
    """And one view is no pair."""
    assert find([]) == []
    assert find_stereo_pairs(TRIPLE[:1]) == []


def test_naive_times_are_refused() -> None:
    """Without a zone the order of views is not known."""
    with pytest.raises(ViewingError, match="time zone"):
        replace(TRIPLE[0], acquired_at=datetime(2024, 6, 1))  # noqa: DTZ001


def test_footprint_off_the_earth_is_refused() -> None:
    """Projected coordinates do not pass for degrees."""
    with pytest.raises(RingError):
        find_stereo_pairs([replace(TRIPLE[0], footprint=box(500_000, 4_000_000, 500_100, 4_000_100))])


def test_view_takes_a_direction_in_our_convention_as_given() -> None:
    """It is the most trustworthy one."""
    assert NormalisedDirection.of(ViewingDirection(30, 20)) == NormalisedDirection(30, 20, DirectionSource.GIVEN)


def test_every_two_views_of_a_triplet_are_linked() -> None:
    """Triplets hold only what the finder also knows as two."""
    found = find_stereo_groups(Archive.generate(400, 8).views())
    for triplet in found.triplets:
        assert [pair.ids for pair in triplet.pairs] == [
            triplet.ids[:2],
            triplet.ids[1:],
            (triplet.ids[0], triplet.ids[2]),
        ]
    together = {ids for group in found.groups for ids in combinations(group.ids, 2)}
    assert all(pair.ids in together for pair in found.pairs)


def test_example_of_the_documentation_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The page on picking a pair shows code that ranks three pairs and names one triplet."""
    page = Path(__file__).parents[3] / "docs" / "how-to" / "pick-a-stereo-pair.md"
    (example,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    exec(compile(example, page.name, "exec"), {})
    *pairs, triplets = capsys.readouterr().out.splitlines()
    assert len(pairs) == 3
    assert "('forward', 'nadir', 'backward')" in triplets
