"""How the SAR catalogue of OneAtlas is asked."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harvester.sources.airbus.options import OneAtlasOptions

_LARGEST_PAGE = 1000
_USUAL_PAGE = 100

Feed = Literal["replication", "revocation"]


class Options(OneAtlasOptions):
    """Where the catalogue is; it always requires an API key."""

    url: str = Field(default="https://sar.api.oneatlas.airbus.com/v1/sar/catalogue", repr=False)

    def feed_url(self, feed: Feed) -> str:
        """The address of a feed."""
        return f"{self.url.rstrip('/')}/{feed}"

    @property
    def records_per_page(self) -> int:
        """The page size: at most what the service allows."""
        return min(self.page_size or _USUAL_PAGE, _LARGEST_PAGE)
