"""How a CSW catalogue is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from harvester.sources.source import SourceOptions


class Options(SourceOptions):
    """A CSW catalogue, and the names by which it can be asked."""

    opened_by: ClassVar = (("user", "password"),)

    page_size: int | None = Field(default=None, ge=1, le=1000)
    queryable_prefix: str = "apiso:"  #: of Modified and BoundingBox; empty for servers that know them without
    sort_by: tuple[str, ...] = ("apiso:Identifier",)  #: queryables; pages that are not sorted lose records
    where: Mapping[str, str] = Field(default_factory=dict)  #: queryable -> the value that it must have
    time_format: str = "%Y-%m-%d"  #: as `strftime` takes it; GEOSUD wants "%Y-%m-%d %H:%M:%S"
