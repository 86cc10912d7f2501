"""The geometry of passes: angles agree with each other, with positions and with times."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from math import atan, degrees, hypot, radians, tan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from footprints import azimuth_from_scan_axis, azimuth_to_nadir, base_to_height, convergence_angle_deg
from harvester.sample_archive import SITES, DeliverySpec, Site, View, delivery_of, views_of_pass
from harvester.sample_archive.passes import ground_speed_km_s, nadir_of, off_nadir_deg, viewing_components_deg

NOON = datetime(2022, 5, 4, 10, 40, 12, 300000, tzinfo=UTC)
ORDERS = [delivery_of(site, number, 0) for number, site in enumerate(SITES, start=1)]
STEREO = [(site, spec) for site, spec in zip(SITES, ORDERS, strict=True) if site.views > 1]


@given(st.floats(1, 359), st.floats(0.01, 35), st.floats(170, 190))
def test_incidences_give_the_azimuth_back_to_the_reader(azimuth: float, incidence: float, scan: float) -> None:
    """From the signed incidences of a view the harvester's formula finds its azimuth, and their total is its own."""
    along, across = View(NOON, azimuth, incidence, scan).incidences_deg
    assert azimuth_from_scan_axis(scan, along, across) == pytest.approx(azimuth, abs=1e-6)
    assert degrees(atan(hypot(tan(radians(along)), tan(radians(across))))) == pytest.approx(incidence, abs=1e-9)


def test_off_nadir_agrees_with_a_published_product() -> None:
    """A target that sees Pléiades under 28.62° lies 25.57° from its nadir, as a genuine product states."""
    assert off_nadir_deg(28.62, 694.0) == pytest.approx(25.57, abs=0.1)


def test_roll_and_pitch_agree_with_a_published_pair() -> None:
    """The published Neo pair of Marseille: azimuths 63.05° and 128.01° mean one roll and opposite pitches."""
    fore = viewing_components_deg(View(NOON, 63.05, 21.78), 43.3, 630.0)
    aft = viewing_components_deg(View(NOON, 128.01, 19.03), 43.3, 630.0)
    assert fore == pytest.approx((12.7, -15.6), abs=0.7)
    assert aft == pytest.approx((-7.8, -15.5), abs=0.7)


@pytest.mark.parametrize(("site", "spec"), STEREO, ids=[site.name for site, _ in STEREO])
def test_stereo_set_converges_as_intended(site: Site, spec: DeliverySpec) -> None:
    """The outer views of each set have the base to height of the site, between 0.2 and 0.5."""
    ratio = base_to_height(convergence_angle_deg(spec.views[0].direction, spec.views[-1].direction))
    assert ratio == pytest.approx(site.base_to_height, abs=1e-3)
    assert 0.2 - 1e-3 <= ratio <= 0.5 + 1e-3


@pytest.mark.parametrize("spec", [spec for _, spec in STEREO], ids=[site.name for site, _ in STEREO])
def test_stereo_set_is_one_pass(spec: DeliverySpec) -> None:
    """Views follow each other within a minute, from north to south, at the ground speed, under one roll."""
    altitude = spec.satellite.family.altitude_km
    nadirs = [nadir_of(view, spec.lon, spec.lat, altitude) for view in spec.views]
    for (first, second), (start, end) in zip(pairwise(spec.views), pairwise(nadirs), strict=True):
        seconds = (second.acquired_at - first.acquired_at).total_seconds()
        kilometres = Geod(ellps="sphere").inv(*start, *end)[2] / 1000
        assert kilometres / seconds == pytest.approx(ground_speed_km_s(altitude), rel=0.02)
        assert end[1] < start[1]
    assert 20 <= (spec.views[-1].acquired_at - spec.views[0].acquired_at).total_seconds() <= 60
    pitches, rolls = zip(*(viewing_components_deg(view, spec.lat, altitude) for view in spec.views), strict=True)
    assert max(rolls) - min(rolls) < 0.3
    assert list(pitches) == sorted(pitches, reverse=True)


@pytest.mark.parametrize("spec", ORDERS, ids=[site.name for site in SITES])
def test_nadir_lies_in_the_direction_of_the_azimuth(spec: DeliverySpec) -> None:
    """On the ellipsoid, too, the sub-satellite point lies where the azimuth of each view says."""
    for view in spec.views:
        nadir = nadir_of(view, spec.lon, spec.lat, spec.satellite.family.altitude_km)
        turn = azimuth_to_nadir(spec.lon, spec.lat, *nadir) - view.azimuth_deg
        assert abs((turn + 180) % 360 - 180) < 0.5


@given(st.floats(0.2, 0.5), st.floats(-60, 60), st.floats(-150, 150))
def test_any_pass_has_the_asked_base_to_height(ratio: float, lat: float, across: float) -> None:
    """Wherever the track lies, two views of a pass converge as asked."""
    first, second = views_of_pass(NOON, lat, 694.0, base_to_height=ratio, count=2, across_km=across)
    found = base_to_height(convergence_angle_deg(first.direction, second.direction))
    assert found == pytest.approx(ratio, abs=1e-6)
    assert first.acquired_at < second.acquired_at
