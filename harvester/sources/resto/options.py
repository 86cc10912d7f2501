"""How a resto is asked."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from harvester.sources.source import SourceOptions

#: Some services refuse more (Theia), others silently cap it (SARA).
_LARGEST_PAGE = 500


class Options(SourceOptions):
    """Where a resto service is, and which dialect it speaks."""

    dialect: Literal["v2", "v9", "opensearch3"]  #: resto 2 to 8; resto 9 and later; Kalideos before it had resto
    collection: str | None = None  #: its name at the service; opensearch3 has none
    page_size: int = Field(default=100, ge=1, le=_LARGEST_PAGE)
    #: Parameters with the first and last date of change: v2 services differ (`updatedFrom`, `updated`).
    updated_from: str | None = None
    updated_to: str | None = None

    @model_validator(mode="after")
    def _names_its_collection(self) -> Options:
        if self.dialect == "v9" and not self.collection:
            raise ValueError("resto v9 is harvested collection by collection: name one in `collection`")
        return self
