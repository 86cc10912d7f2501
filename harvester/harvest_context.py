"""What a harvest works with, and how its records are to be written."""

from __future__ import annotations

from dataclasses import dataclass, field

from harvester.collection_documents import CollectionDocuments
from harvester.sensors import Sensors
from harvester.settings import NoticeSettings


@dataclass(frozen=True, kw_only=True)
class HarvestContext:
    """What a harvest works with: the database to write to, and the documents that say how."""

    conninfo: str = field(repr=False)  #: of the role that may load; it holds a password
    documents: CollectionDocuments
    sensors: Sensors
    language: str  #: main language of the published Collections
    attempts: int = 5  #: at a page when the connection is lost, over some ten seconds
    notices: NoticeSettings | None = None  #: whom to tell of runs that need attention; None for nobody


@dataclass(frozen=True, kw_only=True)
class WritingOptions:
    """How the records of a run are written."""

    collection: str | None = None  #: where every record goes, whatever the documents say; remembered
    move: bool = False  #: move Items from other collections there; without `collection`, to the one that accepts them
    reread: bool = False  #: also read unchanged records again, with today's documents and reader

    @property
    def reads_all(self) -> bool:
        """Whether unchanged records are read too; to move them, it must be known where they belong."""
        return self.reread or (self.move and self.collection is None)
