"""How GEODES is asked."""

from __future__ import annotations

from pydantic import Field

from harvester.sources.source import SourceOptions

#: The portal refuses more (its support pages; eodag PR #1938).
_LARGEST_PAGE = 80


class Options(SourceOptions):
    """Which collections of GEODES are read. Its search is open: API keys are for downloads, and are never sent."""

    url: str = Field(default="https://geodes-portal.cnes.fr/api/stac", repr=False)
    collections: tuple[str, ...] = Field(min_length=1)  #: names at GEODES, such as PEPS_S2_L1C
    page_size: int = Field(default=_LARGEST_PAGE, ge=1, le=_LARGEST_PAGE)
