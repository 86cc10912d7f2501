"""How well a stereo set suits a surface model, and what known photogrammetric chains require.

The score is one number from 0 to 1 for sorting: the product of these factors.

- angle: 1 from 10° to 25° between neighbouring views, falling to 0 at 0° and at 60° (DSM-OPT wants 5-15°, asp_plot
  ranks around 15-25°, Becker 2015 recommends 20-30°, the Ames Stereo Pipeline takes up to 60°);
- bisector: the sine of its elevation, as weak geometry leans (Jeong & Kim 2016); 1 if unknown;
- symmetry: the cosine of the asymmetry, as one view is then foreshortened; 1 if unknown;
- overlap: the common share of the smallest footprint;
- sky: the clear share of the cloudiest view; one half if unknown;
- light: 1 without a change of sun azimuth, 0 at 40° (Becker: at most 20°); 1 if unknown, as a pass is short;
- sampling: the finest over the coarsest ground sample distance; 1 if unknown;
- doubt: one half where the angles contradict the time of flight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import atan, cos, degrees, prod, radians, sin
from statistics import fmean
from types import MappingProxyType

from footprints.overlap import area_km2
from footprints.stereo.finder import StereoGroup, StereoPair, StereoTriplet

AnyStereoSet = StereoPair | StereoTriplet | StereoGroup

_BEST_DEG = (10.0, 25.0)
_LARGEST_DEG = 60.0
_LARGEST_SUN_TURN_DEG = 40.0


@dataclass(frozen=True, kw_only=True)
class ChainPreference:
    """What a photogrammetric chain requires of neighbouring views."""

    min_convergence_deg: float
    max_convergence_deg: float
    source: str  #: reference for this

    def outer_bounds_deg(self, view_count: int) -> tuple[float, float]:
        """The bounds between the first and the last view of a set, which has one base fewer than views."""
        bases = view_count - 1
        return self.min_convergence_deg * bases, self.max_convergence_deg * bases


def _convergence_deg(base_to_height: float) -> float:
    return degrees(2 * atan(base_to_height / 2))


CHAIN_PREFERENCES: Mapping[str, ChainPreference] = MappingProxyType(
    {
        "dsm-opt": ChainPreference(
            min_convergence_deg=5,
            max_convergence_deg=15,
            source="Documentation of DSM-OPT: ideally 5-15°",
        ),
        "cars": ChainPreference(
            min_convergence_deg=_convergence_deg(0.12),
            max_convergence_deg=_convergence_deg(0.25),
            source="CNES on kalideos.fr: a B/H of 0.12 between neighbours over rugged land, up to 0.25 over flat land",
        ),
        "asp": ChainPreference(
            min_convergence_deg=10,
            max_convergence_deg=60,
            source="Ames Stereo Pipeline, Guidelines for selecting stereo pairs: 10-60°",
        ),
        "micmac": ChainPreference(
            min_convergence_deg=0,
            max_convergence_deg=20,
            source="Documentation of DSM-OPT, which runs MicMac: below 20°",
        ),
    }
)


def suitability(found: AnyStereoSet) -> float:
    """The suitability of a set, 0 to 1.

    Raises:
        EmptyFootprintError: The views of a group share no area.
    """
    conditions = _angle, _bisector, _symmetry, overlap_of, _sky, _light, _sampling, _doubt
    return prod(condition(found) for condition in conditions)


def pairs_of(found: AnyStereoSet) -> Sequence[StereoPair]:
    """The pairs that a set consists of; a pair consists of itself."""
    return (found,) if isinstance(found, StereoPair) else found.pairs


def outer_pair(found: AnyStereoSet) -> StereoPair:
    """The pair of a set with the widest angle; for a triplet, the forward and the backward view."""
    return found.pairs[-1] if isinstance(found, StereoTriplet) else max(pairs_of(found), key=_angle_of_pair)


def neighbouring_pairs(found: AnyStereoSet) -> Sequence[StereoPair]:
    """The pairs of consecutive views; all pairs if no consecutive views are far enough apart to be one."""
    neighbours = set(pairwise(found.ids))
    pairs = pairs_of(found)
    return [pair for pair in pairs if pair.ids in neighbours] or pairs


def overlap_of(found: AnyStereoSet) -> float:
    """The area that all views share over the smallest footprint, 0 to 1.

    Raises:
        EmptyFootprintError: The views of a group share no area.
    """
    if not isinstance(found, StereoGroup):
        return found.overlap
    return min(1.0, area_km2(found.common_footprint()) / min(area_km2(view.footprint) for view in found.views))


def _angle_of_pair(pair: StereoPair) -> float:
    return pair.convergence_deg


def _angle(found: AnyStereoSet) -> float:
    angle = fmean(pair.convergence_deg for pair in neighbouring_pairs(found))
    narrowest, widest = _BEST_DEG
    return max(0.0, min(1.0, angle / narrowest, (_LARGEST_DEG - angle) / (_LARGEST_DEG - widest)))


def _bisector(found: AnyStereoSet) -> float:
    elevation = outer_pair(found).bisector_elevation_deg
    return 1.0 if elevation is None else sin(radians(elevation))


def _symmetry(found: AnyStereoSet) -> float:
    return cos(radians(outer_pair(found).asymmetry_deg or 0.0))


def _sky(found: AnyStereoSet) -> float:
    cloud = found.worst_cloud_cover_percent
    return 0.5 if cloud is None else 1 - cloud / 100


def _light(found: AnyStereoSet) -> float:
    return max(0.0, 1 - (found.sun_azimuth_difference_deg or 0.0) / _LARGEST_SUN_TURN_DEG)


def _sampling(found: AnyStereoSet) -> float:
    return 1 / (found.gsd_ratio or 1.0)


def _doubt(found: AnyStereoSet) -> float:
    return 0.5 if any(pair.azimuth_doubtful for pair in pairs_of(found)) else 1.0
