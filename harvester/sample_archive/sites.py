"""The places of the sample archive and what is ordered there. None of it was ever acquired."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from harvester.sample_archive.missions import MISSIONS
from harvester.sample_archive.passes import View, view_on_track, views_of_pass
from harvester.sample_archive.specification import CLIPPED_ROI, ROTATED_ROI, DeliverySpec

#: Local solar time at which the satellites cross the equator, and so about every site.
_PASS_HOUR = 10.5
_SIZES = {"ORTHO": (640, 4.0), "SENSOR": (768, 3.5)}


@dataclass(frozen=True, kw_only=True)
class Site:
    """A real place and one imaginary order there."""

    name: str
    lon: float  #: of the centre, degrees, in [-180, 180]
    lat: float
    setting: str  #: of the landscape
    mission: str
    day: str  #: ISO date of the pass
    views: int = 1  #: 1 mono, 2 stereo, 3 tri-stereo
    base_to_height: float = 0.0  #: of the outer views
    across_km: float = 0.0  #: distance of the ground track, positive when it passes to the east
    along_km: float = 0.0  #: of the satellite beyond the site, for a single view
    cloud: float | None = 0.0  #: percent, like snow; None: not in the metadata
    snow: float | None = None
    height_m: float = 50.0
    modes: tuple[str, ...] = ("PMS",)
    tiles: tuple[int, int] = (1, 1)
    has_roi: bool = True
    radiometry: str = "BASIC"

    @property
    def level(self) -> str:
        """Stereo is delivered in sensor geometry, with RPC files; single images in a map projection."""
        return "SENSOR" if self.views > 1 else "ORTHO"


_BUNDLE, _NEO_BUNDLE = ("P", "MS"), ("PAN", "MS-FS")

SITES = (
    Site(
        name="Paris", lon=2.3470, lat=48.8560, setting="town", mission="PHR1A", day="2022-04-19",
        views=3, base_to_height=0.45, across_km=60, modes=_BUNDLE,
    ),
    Site(
        name="Lyon", lon=4.8357, lat=45.7640, setting="town", mission="PHR1B", day="2021-09-03",
        views=2, base_to_height=0.30, across_km=-95, cloud=3.2, modes=_BUNDLE, height_m=170,
    ),
    Site(
        name="Marseille", lon=5.3650, lat=43.2965, setting="coast", mission="PNEO3", day="2023-06-21",
        views=3, base_to_height=0.50, across_km=85, modes=_NEO_BUNDLE, radiometry="REFLECTANCE",
    ),
    Site(
        name="Mont Blanc", lon=6.8652, lat=45.8326, setting="mountain", mission="PHR1A", day="2020-08-07",
        views=3, base_to_height=0.25, across_km=-30, cloud=8.5, snow=61.0, modes=_BUNDLE, height_m=4000,
    ),
    Site(
        name="Toulouse", lon=1.4442, lat=43.6047, setting="town", mission="PNEO4", day="2022-10-11",
        views=2, base_to_height=0.35, across_km=-120, cloud=1.0, modes=_NEO_BUNDLE, height_m=146,
    ),
    Site(
        name="Nice", lon=7.2620, lat=43.7000, setting="coast", mission="PHR1B", day="2019-07-14",
        across_km=140, along_km=-45, tiles=(3, 1),
    ),
    Site(
        name="Bordeaux", lon=-0.5792, lat=44.8378, setting="fields", mission="SPOT6", day="2018-05-06",
        across_km=-180, along_km=20, cloud=12.4,
    ),
    Site(
        name="Nantes", lon=-1.5536, lat=47.2184, setting="fields", mission="SPOT7", day="2019-09-16",
        views=2, base_to_height=0.40, across_km=40, cloud=5.0, modes=_BUNDLE,
    ),
    Site(
        name="Strasbourg", lon=7.7521, lat=48.5734, setting="fields", mission="SPOT6", day="2020-04-22",
        views=2, base_to_height=0.22, across_km=-70, modes=_BUNDLE, height_m=140,
    ),
    Site(
        name="Lille", lon=3.0573, lat=50.6292, setting="fields", mission="PHR1A", day="2021-03-30",
        across_km=210, along_km=60, cloud=27.0, modes=_BUNDLE,
    ),
    Site(
        name="Brest", lon=-4.4861, lat=48.3904, setting="coast", mission="PNEO3", day="2022-08-09",
        across_km=95, along_km=110, cloud=21.2, modes=_NEO_BUNDLE,
    ),
    Site(
        name="Montpellier", lon=3.8767, lat=43.6108, setting="town", mission="SPOT7", day="2021-06-12",
        across_km=110, along_km=-80,
    ),
    Site(
        name="Ajaccio", lon=8.7386, lat=41.9192, setting="coast", mission="PHR1B", day="2022-02-25",
        across_km=-160, along_km=-120, cloud=0.4,
    ),
    Site(
        name="Soufrière de Guadeloupe", lon=-61.6637, lat=16.0440, setting="mountain", mission="PHR1A",
        day="2021-01-28", views=2, base_to_height=0.38, across_km=50, cloud=34.6, modes=_BUNDLE, height_m=900,
    ),
    Site(
        name="Montagne Pelée", lon=-61.1650, lat=14.8090, setting="mountain", mission="PNEO4", day="2023-02-17",
        across_km=-60, along_km=35, cloud=44.0, modes=("PMS-FS",), height_m=800,
    ),
    Site(
        name="Cayenne", lon=-52.3269, lat=4.9333, setting="coast", mission="PHR1B", day="2020-10-02",
        across_km=75, along_km=-150, cloud=68.3,
    ),
    Site(
        name="Saint-Pierre", lon=-56.1773, lat=46.7811, setting="coast", mission="SPOT7", day="2022-03-08",
        across_km=-130, cloud=9.9, snow=72.5,
    ),
    Site(
        name="Piton de la Fournaise", lon=55.7140, lat=-21.2440, setting="mountain", mission="PHR1A",
        day="2023-07-02", views=3, base_to_height=0.42, across_km=-45, cloud=2.1, modes=_BUNDLE, height_m=2300,
    ),
    Site(
        name="Mamoudzou", lon=45.2280, lat=-12.7806, setting="coast", mission="SPOT6", day="2019-05-03",
        across_km=160, along_km=90, cloud=18.8,
    ),
    Site(
        name="Papeete", lon=-149.5696, lat=-17.5350, setting="coast", mission="PHR1B", day="2021-11-23",
        views=2, base_to_height=0.28, across_km=20, cloud=15.0, modes=_BUNDLE,
    ),
    Site(
        name="Nouméa", lon=166.4580, lat=-22.2758, setting="coast", mission="PNEO3", day="2022-06-14",
        views=2, base_to_height=0.33, across_km=-55, cloud=0.0, modes=_NEO_BUNDLE,
    ),
    Site(
        name="Mata-Utu", lon=-176.1740, lat=-13.2825, setting="coast", mission="PHR1A", day="2018-09-29",
        across_km=30, along_km=70, cloud=None, has_roi=False,
    ),
    # An island near Wallis et Futuna that the 180th meridian crosses.
    Site(
        name="Taveuni", lon=179.9960, lat=-16.8200, setting="coast", mission="PHR1B", day="2020-12-20",
        across_km=-25, along_km=-40, cloud=6.7,
    ),
)  # fmt: skip


def delivery_of(site: Site, number: int, seed: int) -> DeliverySpec:
    """The delivery ordered at a site; the number of the site becomes that of the job."""
    size, pixel_m = _SIZES[site.level]
    job = f"{number:09}" if MISSIONS[site.mission].family.name == "pneo" else f"60000{number:03}01"
    spec = DeliverySpec(
        views=_views(site),
        mission=site.mission,
        modes=site.modes,
        level=site.level,
        lon=site.lon,
        lat=site.lat,
        height_m=site.height_m,
        job=job,
        rows=size,
        cols=size,
        pixel_m=pixel_m,
        tiles=site.tiles,
        cloud_cover_percent=site.cloud,
        snow_cover_percent=site.snow,
        radiometry=site.radiometry,
        orbit_number=1 + number * 37 % 385,
        setting=site.setting,
        seed=seed * 1000 + number,
        title=f"{site.name} (DINAMIS sample archive)",
    )
    roi = CLIPPED_ROI if site.level == "SENSOR" else ROTATED_ROI
    return replace(spec, roi=roi if site.has_roi else None)


def _views(site: Site) -> tuple[View, ...]:
    altitude = MISSIONS[site.mission].family.altitude_km
    middle_at = _pass_time(site)
    if site.views > 1:
        return views_of_pass(
            middle_at,
            site.lat,
            altitude,
            base_to_height=site.base_to_height,
            count=site.views,
            across_km=site.across_km,
        )
    return (view_on_track(middle_at, site.lat, altitude, site.across_km, site.along_km),)


def _pass_time(site: Site) -> datetime:
    """About half past ten local solar time, with minutes and seconds that differ from site to site."""
    hours = _PASS_HOUR - site.lon / 15 + site.lat / 90
    return datetime.fromisoformat(site.day).replace(tzinfo=UTC) + timedelta(hours=hours)
