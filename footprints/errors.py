"""Errors of the geometry: the docstring says what is wrong, the argument where and what to do."""

from __future__ import annotations


class FootprintError(Exception):
    """The geometry cannot be used."""

    def __str__(self) -> str:
        detail = super().__str__()
        summary = (type(self).__doc__ or "").strip().splitlines()[0]
        return f"{summary} {detail}".strip()


class RingError(FootprintError):
    """The ring is not a list of longitudes and latitudes in degrees."""


class EmptyFootprintError(FootprintError):
    """The geometry encloses no area."""


class CrsError(FootprintError):
    """The coordinates cannot be brought to WGS 84."""


class ViewingError(FootprintError):
    """The viewing angles are out of range."""
