"""All sources there are, by the names that collection documents use."""

from __future__ import annotations

from collections.abc import Mapping

from harvester.sources import (
    csw,
    deliveries,
    geodes,
    geonetwork,
    ign,
    oneatlas,
    oneatlas_sar,
    openspot,
    resto,
    stac,
)
from harvester.sources.source import Source

SOURCES: Mapping[str, Source] = {
    "csw": csw,
    "deliveries": deliveries,
    "geodes": geodes,
    "geonetwork": geonetwork,
    "ign": ign,
    "oneatlas": oneatlas,
    "oneatlas-sar": oneatlas_sar,
    "openspot": openspot,
    "resto": resto,
    "stac": stac,
}

__all__ = ["SOURCES"]
