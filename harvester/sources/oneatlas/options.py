"""How OneAtlas is asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Literal

from pydantic import Field

from harvester.sources.airbus.options import OneAtlasOptions

_ENDPOINT = "https://search.foundation.api.oneatlas.airbus.com/api"
_LARGEST_PAGE = 500


class Options(OneAtlasOptions):
    """Which part of the catalogue is read, and how."""

    url: str = Field(default=f"{_ENDPOINT}/v2/opensearch", repr=False)
    deleted_url: str | None = f"{_ENDPOINT}/v1/deleted/search"  #: None = deletions are only noticed by absence
    page_size: int = Field(default=200, ge=1, le=_LARGEST_PAGE)
    constellation: Literal["PHR", "SPOT", "PNEO"]
    workspace: str | None = None  #: None = `public`, or `public-pneo` for Pléiades Neo
    processing_levels: tuple[str, ...] = ("ALBUM", "SENSOR")
    first_date: date = date(2011, 12, 1)  #: where the windows of a full load begin; the first has anything older
    window_limit: int = Field(default=10_000, ge=2)  #: most hits of one query that the service pages through
    tie_breaker: str | None = "id"  #: second sort key, for records of the same instant; None if the service refuses it

    @property
    def is_open(self) -> bool:
        """Whether it can be read without a key."""
        return self.constellation != "PNEO"

    @property
    def records_per_page(self) -> int:
        """The page size: less than a window holds."""
        return min(self.page_size, self.window_limit // 2)

    @property
    def first_moment(self) -> datetime:
        """The beginning of the first date, UTC."""
        return datetime.combine(self.first_date, time(), UTC)
