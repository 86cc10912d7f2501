"""What counts as one acquisition, one pass, a stereo pair and a triplet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StereoLimits:
    """Thresholds of the finder; angles between lines of sight in degrees, overlaps as shares of the smaller footprint.

    The bounds are inclusive. Their sources are given in the documentation's explanation of stereo.
    """

    duplicate_s: float = 3.0  #: products of one image are at most this far apart; two images at least 7 s
    duplicate_deg: float = 1.0  #: and their lines of sight at most this far; those of two images at least 2.5°
    duplicate_overlap: float = 0.5
    pass_s: float = 300.0  #: 27 views in 257 s have been seen; the next orbit is 98.7 minutes later
    min_convergence_deg: float = 3.0  #: consecutive views of a tri-stereo may be 4.6° apart (CARS, Gizeh)
    max_convergence_deg: float = 45.0  #: Becker 2015
    min_overlap: float = 0.5  #: ArcGIS; below some 0.3 neighbouring strips of one pass become false pairs
    min_overlap_km2: float = 1.0
    min_consecutive_deg: float = 2.5  #: between neighbours in a triplet
    max_outer_deg: float = 60.0  #: between the first and the last view of a triplet
    max_enumerated_views: int = 12  #: triplets of larger groups are not listed: 27 views make 2925
    min_flight_time_ratio: float = 0.8  #: flight-time convergence over convergence; beyond, an azimuth is doubtful
    max_flight_time_ratio: float = 1.25
