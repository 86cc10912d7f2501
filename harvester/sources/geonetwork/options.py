"""How a GeoNetwork is asked."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from harvester.sources.source import SourceOptions


class Options(SourceOptions):
    """A GeoNetwork catalogue; `url` is its root, such as `https://catalogue.example/geonetwork`."""

    opened_by: ClassVar = (("user", "password"),)

    page_size: int | None = Field(default=None, ge=1, le=1000)
    portal: str = Field(default="srv", pattern=r"^[A-Za-z0-9_-]+$")  #: "srv" is the whole catalogue
    query: str | None = None  #: in the query language of Lucene, such as "resourceType:dataset"
