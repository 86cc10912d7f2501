"""Viewing directions."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ViewingDirection:
    azimuth_deg: float
    incidence_deg: float
    off_nadir_deg: float | None = None
