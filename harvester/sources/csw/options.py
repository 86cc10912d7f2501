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
    queryable_prefix: str = "apiso:"  #: of Modified and BoundingBox; empty for servers that have none
    sort_by: tuple[str, ...] = ("apiso:Identifier",)  #: queryables; without sorting, paging loses records
    where: Mapping[str, str] = Field(default_factory=dict)  #: queryable -> required value
    time_format: str = "%Y-%m-%d"  #: for `strftime`; GEOSUD wants "%Y-%m-%d %H:%M:%S"
