"""How the SAR catalogue of OneAtlas is asked."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harvester.sources.airbus.options import OneAtlasOptions

_LARGEST_PAGE = 1000

Feed = Literal["replication", "revocation"]


class Options(OneAtlasOptions):
    """Where the catalogue is; it always requires an API key."""

    url: str = Field(default="https://sar.api.oneatlas.airbus.com/v1/sar/catalogue", repr=False)
    page_size: int = Field(default=100, ge=1, le=_LARGEST_PAGE)

    def feed_url(self, feed: Feed) -> str:
        """The address of a feed."""
        return f"{self.url.rstrip('/')}/{feed}"
