"""A picture of a stereo set: footprints and overlap on a map, the satellite in the sky, and the quantities.

It takes Items as JSON data, as from the catalogue or pystac (`Item.to_dict()`), needs no display, and always gives the
same bytes for the same Items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from math import cos, radians
from typing import Any, Literal, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.projections.polar import PolarAxes
from shapely import MultiPolygon
from shapely.affinity import translate
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from footprints.stereo.properties import ROLES, direction_of_image
from footprints.wrapping import polygon_parts

ItemDocument = Mapping[str, Any]
PictureFormat = Literal["png", "svg"]

#: Distinguishable also for the colour-blind (Okabe & Ito 2008).
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_OVERLAP_COLOUR = "#F0E442"

_NUMBERS = (
    ("convergence", "stereo:convergence_angle", "{:.1f}°"),
    ("base to height", "stereo:base_to_height", "{:.2f}"),
    ("parallax to height", "stereo:parallax_to_height", "{:.2f}"),
    ("bisector elevation", "stereo:bisector_elevation_angle", "{:.1f}°"),
    ("asymmetry", "stereo:asymmetry_angle", "{:.1f}°"),
    ("roll", "stereo:roll_angle", "{:.1f}°"),
    ("overlap", "stereo:overlap", "{:.0%}"),
    ("common area", "stereo:overlap_area", "{:.1f} km²"),
    ("time span", "stereo:time_span", "{:.1f} s"),
    ("flight time ratio", "stereo:flight_time_ratio", "{:.2f}"),
    ("direction", "stereo:direction_source", "{}"),
    ("cloudiest view", "stereo:cloud_cover_max", "{:.0f} %"),
    ("sun azimuth turn", "stereo:sun_azimuth_difference", "{:.1f}°"),
    ("sun elevation turn", "stereo:sun_elevation_difference", "{:.1f}°"),
    ("GSD ratio", "stereo:gsd_ratio", "{:.2f}"),
    ("suitability", "stereo:suitability", "{:.2f}"),
)

#: Text stays text, and the identifiers in an SVG depend only on what is drawn.
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "stereo",
    "font.size": 9.0,
    "font.family": "DejaVu Sans",
}


def stereo_picture(pair: ItemDocument, views: Sequence[ItemDocument], picture_format: PictureFormat = "png") -> bytes:
    """The picture of a pair, triplet or larger group.

    Args:
        pair: The Item of the set; its geometry is the common footprint.
        views: The Items of its views, in chronological order.
        picture_format: Format of the returned file content.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(11, 4.8), layout="constrained")
        figure.suptitle(str(pair["properties"].get("title") or pair["id"]))
        grid = figure.add_gridspec(1, 3, width_ratios=(1.25, 1, 0.85))
        _draw_map(figure.add_subplot(grid[0]), pair, views)
        _draw_sky(cast("PolarAxes", figure.add_subplot(grid[1], projection="polar")), views)
        _write_numbers(figure.add_subplot(grid[2]), numbers_of(pair["properties"]))
        legend = figure.legend(*_entries(figure.axes[0]), loc="outside lower center", ncols=2, frameon=False)
        for patch in legend.get_patches():
            patch.set_linestyle("solid")
        file = BytesIO()
        figure.savefig(file, format=picture_format, dpi=120, metadata=_undated(picture_format))
    return file.getvalue()


def numbers_of(properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The known quantities of a stereo set, each with its readable name."""
    return [
        (name, written.format(properties[key])) for name, key, written in _NUMBERS if properties.get(key) is not None
    ]


def _undated(picture_format: PictureFormat) -> dict[str, Any]:
    return {"Date": None} if picture_format == "svg" else {"Software": None}


def _label(number: int, view: ItemDocument, count: int) -> str:
    roles = ROLES.get(count)
    return f"{roles[number] if roles else number + 1}: {view['id']}"


def _entries(axes: Axes) -> tuple[list[Any], list[Any]]:
    handles, labels = axes.get_legend_handles_labels()
    return list(handles), list(labels)


def _draw_map(axes: Axes, pair: ItemDocument, views: Sequence[ItemDocument]) -> None:
    regions = _side_by_side([shape(each["geometry"]) for each in (*views, pair)])
    *footprints, overlap = regions
    _draw_region(axes, overlap, facecolor=_OVERLAP_COLOUR, edgecolor="none", alpha=0.6, label="what all views show")
    for number, (view, footprint) in enumerate(zip(views, footprints, strict=True)):
        colour = _COLOURS[number % len(_COLOURS)]
        label = _label(number, view, len(views))
        # Views that were ordered together often have the same footprint: dashes keep all of them visible.
        dashes = (-6 * number, (6, 6 * (len(views) - 1))) if number else "solid"
        style = {"facecolor": "none", "edgecolor": colour, "linewidth": 1.8, "linestyle": dashes}
        _draw_region(axes, footprint, label=label, **style)
    axes.autoscale_view()
    # A degree of longitude is shorter than one of latitude.
    axes.set_aspect(1 / max(cos(radians(overlap.centroid.y)), 0.01), adjustable="datalim")
    axes.ticklabel_format(useOffset=False)
    axes.tick_params(labelsize=7)
    axes.set(xlabel="longitude (°)", ylabel="latitude (°)", title="Footprints")


def _side_by_side(regions: Sequence[BaseGeometry]) -> list[BaseGeometry]:
    """Regions on both sides of the antimeridian joined in the east, up to 360°."""
    west, east = min(region.bounds[0] for region in regions), max(region.bounds[2] for region in regions)
    if east - west <= 180:
        return list(regions)
    return [
        MultiPolygon([translate(part, 360) if part.centroid.x < 0 else part for part in polygon_parts(region)])
        for region in regions
    ]


def _draw_region(axes: Axes, region: BaseGeometry, **style: Any) -> None:
    rings = [ring for part in polygon_parts(region) for ring in (part.exterior, *part.interiors)]
    outline = Outline.make_compound_path(*(Outline([*ring.coords], closed=True) for ring in rings))
    axes.add_patch(PathPatch(outline, **style))


def _draw_sky(axes: PolarAxes, views: Sequence[ItemDocument]) -> None:
    """The position of the satellite seen from the ground: zenith in the middle, north on top, east on the right."""
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    angles = [_direction(view["properties"]) for view in views]
    seen = [angle for angle in angles if angle]
    if len(seen) > 1:
        axes.plot(*zip(*seen, strict=True), color="0.6", linewidth=1, zorder=1)
    for number, angle in enumerate(angles):
        if angle:
            axes.scatter(*angle, s=60, color=_COLOURS[number % len(_COLOURS)], zorder=2)
    axes.set_rlim(0, max([30.0, *(incidence * 1.15 for _, incidence in seen)]))
    axes.set_xticks([radians(angle) for angle in (0, 90, 180, 270)], ["N", "E", "S", "W"])
    axes.yaxis.set_major_formatter("{x:.0f}°")
    axes.tick_params(labelsize=7)
    unknown = len(angles) - len(seen)
    axes.set_title("Satellite in the sky" + (f" ({unknown} not known)" if unknown else ""))


def _direction(properties: Mapping[str, Any]) -> tuple[float, float] | None:
    """Azimuth in radians and incidence in degrees, from the target to the satellite; None if one is unknown."""
    direction = direction_of_image(properties)
    if direction.azimuth_deg is None or direction.incidence_deg is None:
        return None
    return radians(direction.azimuth_deg), direction.incidence_deg


def _write_numbers(axes: Axes, numbers: Sequence[tuple[str, str]]) -> None:
    axes.axis("off")
    if numbers:
        table = axes.table(
            cellText=[list(row) for row in numbers], loc="center", edges="horizontal", colWidths=[0.62, 0.38]
        )
        table.auto_set_font_size(False)
        table.set_fontsize(8.5)
        table.scale(1, 1.15)
