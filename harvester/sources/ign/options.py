"""Which layers of IGN are read, and what gives their extents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from harvester.sources.source import BBox, SourceOptions


class Graph(BaseModel):
    """A WFS feature type with the outlines of the pieces of each mosaic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = "https://data.geopf.fr/wfs/ows"
    type_name: str  #: with `{year}` for the year of the layer
    region: str = "dep"  #: attribute that names the region of a piece


class Options(SourceOptions):
    """Which family of yearly layers is read, and what gives their extents."""

    url: str = "https://data.geopf.fr/wmts"
    family: Literal["SPOT", "PLEIADES"]  #: of the layers `{prefix}.{family}.{year}`
    prefix: str = "ORTHOIMAGERY.ORTHO-SAT"
    territories: Mapping[str, BBox] = Field(default_factory=dict)  #: one record for each that a layer meets
    graph: Graph | None = None  #: gives the extents, which then are only checked against bounding boxes and territories
    wms_url: str | None = None  #: a WMS that serves layers of the same names
