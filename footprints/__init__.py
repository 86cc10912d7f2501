"""Pure geometry of satellite images: footprints, areas and viewing directions."""

from footprints.errors import (
    CrsError,
    EmptyFootprintError,
    FootprintError,
    MaskError,
    RingError,
    ViewingError,
)
from footprints.mask import footprint_from_mask
from footprints.overlap import area_km2, overlap_fraction, overlap_km2
from footprints.polygon import (
    footprint_bbox,
    footprint_from_corners,
    footprint_from_rings,
    ground_from_image,
    simplify_footprint,
    union_footprints,
    valid_footprint,
)
from footprints.viewing import (
    ViewingDirection,
    azimuth_from_scan_axis,
    azimuth_in_circle,
    azimuth_to_nadir,
    base_to_height,
    convergence_angle_deg,
    mean_azimuth,
    unit_line_of_sight,
)
from footprints.wrapping import Region

__all__ = [
    "CrsError",
    "EmptyFootprintError",
    "FootprintError",
    "MaskError",
    "Region",
    "RingError",
    "ViewingDirection",
    "ViewingError",
    "area_km2",
    "azimuth_from_scan_axis",
    "azimuth_in_circle",
    "azimuth_to_nadir",
    "base_to_height",
    "convergence_angle_deg",
    "footprint_bbox",
    "footprint_from_corners",
    "footprint_from_mask",
    "footprint_from_rings",
    "ground_from_image",
    "mean_azimuth",
    "overlap_fraction",
    "overlap_km2",
    "simplify_footprint",
    "union_footprints",
    "unit_line_of_sight",
    "valid_footprint",
]
