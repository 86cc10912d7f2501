"""Reads one feature of OpenSpot."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from harvester.errors import UnreadableScene
from harvester.record import RawRecord, RemoteAsset, SceneRecord
from harvester.sensors import SatelliteFields, Sensors
from harvester.sources.feature_search.features import footprint_of
from harvester.strict_reading import Fields

#: `DS_SPOT6_201807041015123_FR1_…`, also with a spectral mode between satellite and stamp.
_NAME = re.compile(r"(?:^|_)(?P<mission>[A-Z]+\d[A-Z]?)_(?:[A-Z]+_)?(?P<stamp>\d{15})(?!\d)")
_DAY_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%Y/%m/%d", "%d-%m-%Y")
_RESOLUTION = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:m|M)?")
_KNOWN_USELESS = ("fid", "page_")


def scene_from_record(raw: RawRecord, sensors: Sensors) -> SceneRecord:
    """The scene that a feature describes.

    Raises:
        UnreadableScene: `ds_name` or the geometry cannot be read.
    """
    record = Fields(raw.content)
    feature = Fields(record.take("feature"), "feature")
    fields = Fields(feature.take("properties"), "properties")
    name = fields.text("ds_name")
    satellite, stamp = _named(name, sensors)
    acquired_at = _instant(stamp, name)
    gsd_m, resolution_warnings = _resolution(fields.take("resolution", None))
    quicklook = fields.text("f_quicklook", None)
    service = record.text("service").rstrip("/")
    mode = fields.text("mode_", None) or record.text("layer").partition("_")[2]
    warnings = (*_other_day(fields.take("img_date", None), acquired_at), *resolution_warnings)
    return SceneRecord(
        id=f"{satellite['mission']}_{stamp}",
        scene_keys=(f"{satellite['mission']}_{stamp}",),
        **satellite,
        acquired_at=acquired_at,
        footprint=footprint_of(feature.take("geometry")),
        footprint_from="source",
        gsd_m=gsd_m,
        source_id=name,
        source_href=f"{service}/",
        properties={"openspot:mode": mode},
        remote_assets=(_overview(service, quicklook, mode),) if quicklook else (),
        warnings=(*warnings, *fields.close(_KNOWN_USELESS), *feature.close(("type", "id", "bbox"))),
    )


def _named(name: str, sensors: Sensors) -> tuple[SatelliteFields, str]:
    """The satellite and the stamp in a name."""
    if (match := _NAME.search(name)) is None:
        raise UnreadableScene(f"ds_name names no satellite and stamp: {name[:80]!r}")
    if satellite := sensors.satellite(match["mission"]):
        return satellite, match["stamp"]
    raise UnreadableScene(f"satellite {match['mission'][:40]!r} of ds_name is not in any sensor document")


def _instant(stamp: str, name: str) -> datetime:
    """The time of a stamp: yyyymmddhhmmss and tenths of a second, UTC."""
    try:
        moment = datetime.strptime(stamp[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise UnreadableScene(f"the stamp of ds_name is no time: {name[:80]!r}") from error
    return moment + timedelta(milliseconds=100 * int(stamp[14]))


def _other_day(value: Any, acquired_at: datetime) -> tuple[str, ...]:
    """A warning where `img_date` is unreadable or another day than the stamp's, which takes precedence."""
    if value is None:
        return ()
    day = _day(str(value))
    if day is None:
        return (f"img_date is no date: {str(value)[:40]!r}",)
    return () if day == acquired_at.date() else (f"img_date is {day}, ds_name says {acquired_at.date()}",)


def _day(text: str) -> date | None:
    for form in _DAY_FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    try:
        moment = datetime.fromisoformat(text)
        return (moment.astimezone(UTC) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError):
        return None


def _resolution(value: Any) -> tuple[float | None, tuple[str, ...]]:
    """Metres, from a number or a text such as "1,5 m"."""
    if value is None:
        return None, ()
    match = _RESOLUTION.fullmatch(str(value).strip())
    metres = float(match[1].replace(",", ".")) if match else 0.0
    return (metres, ()) if 0.1 <= metres <= 100 else (None, (f"resolution is not in metres: {str(value)[:40]!r}",))


def _overview(service: str, quicklook: str, mode: str) -> RemoteAsset:
    return RemoteAsset(
        key="overview",
        href=f"{service}/api/lien_jpg/{quote(quicklook, safe='', errors='replace')}",
        roles=("overview",),
        title=f"Aperçu ({mode})",
        media_type="image/jpeg",
    )
