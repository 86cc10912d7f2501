"""How well a stereo set suits the making of a surface model, as one number from 0 to 1, for sorting.

It is the product of what each condition allows; the reference of stereo Items says the same in words:

- angle: 1 from 10° to 25° between consecutive views, falling to 0 at 0° and at 60° (DSM-OPT wants 5-15°, asp_plot
  ranks around 15-25°, Becker 2015 recommends 20-30°);
- overlap: the common share of the smallest footprint;
- sky: the clear share of the cloudiest view; one half where it is not known;
- light: 1 without a turn of the sun, 0 at 40° (Becker: at most 20°); 1 where it is not known, for a pass is short;
- sampling: the finest over the coarsest ground sample distance; 1 where it is not known;
- doubt: one half where the angles contradict the time of flight.

Roll, asymmetry and bisector elevation are left out: they matter to some chains only, and can be filtered on.
"""

from __future__ import annotations

from math import prod
from statistics import fmean

from harvester.stereo.sets import FoundSet

_BEST_DEG = (10.0, 25.0)
_LARGEST_DEG = 60.0
_LARGEST_SUN_TURN_DEG = 40.0


def suitability(found: FoundSet) -> float:
    """The suitability of a set, 0 to 1."""
    return prod((_angle(found), found.set.overlap, _sky(found), _light(found), _sampling(found), _doubt(found)))


def _angle(found: FoundSet) -> float:
    angle = fmean(pair.convergence_deg for pair in found.consecutive)
    narrowest, widest = _BEST_DEG
    return max(0.0, min(1.0, angle / narrowest, (_LARGEST_DEG - angle) / (_LARGEST_DEG - widest)))


def _sky(found: FoundSet) -> float:
    cloud = found.set.worst_cloud_cover_percent
    return 0.5 if cloud is None else 1 - cloud / 100


def _light(found: FoundSet) -> float:
    return max(0.0, 1 - (found.set.sun_azimuth_difference_deg or 0.0) / _LARGEST_SUN_TURN_DEG)


def _sampling(found: FoundSet) -> float:
    return 1 / (found.set.gsd_ratio or 1.0)


def _doubt(found: FoundSet) -> float:
    return 0.5 if found.set.azimuth_doubtful else 1.0
