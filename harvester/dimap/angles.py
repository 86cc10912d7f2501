"""Viewing and sun angles from the located geometric values of DIMAP 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from footprints import (
    FootprintError,
    ViewingDirection,
    azimuth_from_scan_axis,
    azimuth_in_circle,
    azimuth_to_nadir,
    mean_azimuth,
)
from harvester.dimap.document import DimapDocument
from harvester.record import known
from harvester.sensors import AzimuthConvention

Position = tuple[float, float]  #: longitude, latitude in degrees

_LOCATED = "Geometric_Data/Use_Area/Located_Geometric_Values"
_ANGLES = "Acquisition_Angles"
_SUN = "Solar_Incidences"
_GSD = "Ground_Sample_Distance"
_COMPONENTS = ("", "_ALONG_TRACK", "_ACROSS_TRACK")
_VENDOR_ANGLES = (
    "AZIMUTH_ANGLE",
    "IMAGE_ORIENTATION",
    *(f"VIEWING_ANGLE{component}" for component in _COMPONENTS),
    *(f"INCIDENCE_ANGLE{component}" for component in _COMPONENTS),
)


@dataclass(frozen=True)
class Angles:
    """Viewing and illumination of one image; None for what the vendor does not give."""

    viewing: ViewingDirection | None  #: ground to satellite
    sun_azimuth_deg: float | None
    sun_elevation_deg: float | None
    native_gsd_m: tuple[float, float] | None  #: across and along track
    vendor: Mapping[str, float]  #: at the centre, as the vendor writes them


def read_angles(
    document: DimapDocument, convention: AzimuthConvention, centre: Position | None, nadir: Position | None
) -> Angles:
    """The angles at the centre of the image, else the mean over all located values.

    Totals are taken as the vendor gives them: recomputing them from the components is up to 0.7° off.

    Args:
        document: The product.
        convention: What AZIMUTH_ANGLE means for this family (docs/explanation/reading-dimap.md).
        centre: Of the image, for the `nadir` convention.
        nadir: Sub-satellite point, for the `nadir` convention.
    """
    located = document.sections(_LOCATED)
    central = [values for values in located if (values.text("LOCATION_TYPE") or "").replace(" ", "") == "Center"]
    chosen = central[:1] or located
    views = [view for values in chosen if (view := _view(values, convention, centre, nadir)) is not None]
    return Angles(
        viewing=_mean_view(views),
        sun_azimuth_deg=_mean_angle([values.number(f"{_SUN}/SUN_AZIMUTH", -360, 360) for values in chosen]),
        sun_elevation_deg=_mean([values.number(f"{_SUN}/SUN_ELEVATION", -90, 90) for values in chosen]),
        native_gsd_m=_gsd(chosen),
        vendor=_vendor_angles(central[0]) if central else {},
    )


def _view(
    values: DimapDocument, convention: AzimuthConvention, centre: Position | None, nadir: Position | None
) -> ViewingDirection | None:
    incidence = values.number(f"{_ANGLES}/INCIDENCE_ANGLE", 0, 90)
    if incidence is None:
        return None
    try:
        azimuth = _azimuth(values, convention, centre, nadir)
        off_nadir = values.number(f"{_ANGLES}/VIEWING_ANGLE", 0, 90)
        return None if azimuth is None else ViewingDirection(azimuth, incidence, off_nadir)
    except FootprintError as error:
        values.leave_out(values.problem(_ANGLES, f"give no viewing direction: {error}"))
        return None


def _azimuth(
    values: DimapDocument, convention: AzimuthConvention, centre: Position | None, nadir: Position | None
) -> float | None:
    if convention == "nadir":
        return None if centre is None or nadir is None else azimuth_to_nadir(*centre, *nadir)
    azimuth = values.number(f"{_ANGLES}/AZIMUTH_ANGLE", -360, 360)
    if azimuth is None or convention == "target":
        return None if azimuth is None else azimuth_in_circle(azimuth)
    along = values.number(f"{_ANGLES}/INCIDENCE_ANGLE_ALONG_TRACK", -90, 90)
    across = values.number(f"{_ANGLES}/INCIDENCE_ANGLE_ACROSS_TRACK", -90, 90)
    return None if along is None or across is None else azimuth_from_scan_axis(azimuth, along, across)


def _mean_view(views: Sequence[ViewingDirection]) -> ViewingDirection | None:
    if len(views) < 2:
        return views[0] if views else None
    azimuth = _mean_angle([view.azimuth_deg for view in views])
    if azimuth is None:
        return None
    return ViewingDirection(azimuth, fmean(v.incidence_deg for v in views), _mean([v.off_nadir_deg for v in views]))


def _mean(values: Sequence[float | None]) -> float | None:
    said = [value for value in values if value is not None]
    return fmean(said) if said else None


def _mean_angle(values: Sequence[float | None]) -> float | None:
    said = [value for value in values if value is not None]
    if len(said) < 2:
        return azimuth_in_circle(said[0]) if said else None
    try:
        return mean_azimuth(said)
    except FootprintError:
        return None


def _gsd(located: Sequence[DimapDocument]) -> tuple[float, float] | None:
    across = _mean([values.number(f"{_GSD}/GSD_ACROSS_TRACK", 0.01, 1000) for values in located])
    along = _mean([values.number(f"{_GSD}/GSD_ALONG_TRACK", 0.01, 1000) for values in located])
    return None if across is None or along is None else (across, along)


def _vendor_angles(values: DimapDocument) -> dict[str, float]:
    return known({name.lower(): values.number(f"{_ANGLES}/{name}", -360, 360) for name in _VENDOR_ANGLES})
