"""How a STAC service or catalogue is asked."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from harvester.sources.source import SourceOptions


class Options(SourceOptions):
    """Where the catalogue is: landing page of an API, root of a static catalogue, or a bulk file of Items."""

    opened_by: ClassVar = (("token",), ("api_key",), ("user", "password"))

    page_size: int | None = Field(default=None, ge=1)  #: Items per request, lines of a bulk file per page; None = usual
    collections: tuple[str, ...] = ()  #: ids of those to read; all if none is named
    static: bool | None = None  #: whether to walk links instead of searching; None = as the root document says
    preset: Literal["spot-6-7-drs"] | None = None  #: a service whose ids identify the acquisitions
