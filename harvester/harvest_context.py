"""What a harvest works with, and how the operator wants its records to be written."""

from __future__ import annotations

from dataclasses import dataclass, field

from harvester.collection_documents import CollectionDocuments
from harvester.sensors import Sensors
from harvester.settings import NoticeSettings


@dataclass(frozen=True, kw_only=True)
class HarvestContext:
    """What a harvest works with: where to write, and the documents that say how."""

    conninfo: str = field(repr=False)  #: of the role that may load; it holds a password
    documents: CollectionDocuments
    sensors: Sensors
    language: str  #: in which Collections are published first
    attempts: int = 5  #: how often a page is tried when the connection is lost, over some ten seconds
    notices: NoticeSettings | None = None  #: whom to tell of runs that need attention; None for nobody


@dataclass(frozen=True, kw_only=True)
class WritingOptions:
    """How the records of a run are written."""

    collection: str | None = None  #: put every record there, instead of where the documents say; remembered
    move: bool = False  #: also move Items that are in another one; without `collection` to the one that accepts them
    reread: bool = False  #: read unchanged records again too, with the documents and the reader of today

    @property
    def reads_all(self) -> bool:
        """Whether unchanged records are read too: else nobody knows where they belong."""
        return self.reread or (self.move and self.collection is None)
