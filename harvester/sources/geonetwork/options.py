"""How a GeoNetwork is asked."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from database.documents.forms import Form
from harvester.sources.source import SourceOptions


class Options(SourceOptions):
    """A GeoNetwork catalogue; `url` is its root, such as `https://catalogue.example/geonetwork`."""

    opened_by: ClassVar = (("user", "password"),)

    page_size: int | None = Field(default=None, ge=1, le=1000)
    portal: Annotated[str, Form(r"^[A-Za-z0-9_-]+$", "the portal as it stands in addresses, such as srv")] = "srv"
    query: str | None = None  #: in the query language of Lucene, such as "resourceType:dataset"
