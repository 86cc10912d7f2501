"""Errors of the harvester: the docstring is the message, the argument says where and what."""

from __future__ import annotations


class HarvestError(Exception):
    """The harvest failed."""

    def __str__(self) -> str:
        detail = super().__str__()
        summary = (type(self).__doc__ or "").strip().splitlines()[0]
        return f"{summary} {detail}".strip()


class UnreadableScene(HarvestError):
    """This record cannot become an Item."""

    def __str__(self) -> str:
        return Exception.__str__(self)


class ItemIdTaken(UnreadableScene):
    """The Item of this record would have the id of another Item."""


class SourceUnavailable(HarvestError):
    """The source cannot be read."""


class CollectionDocumentError(HarvestError):
    """A collection document is not valid."""

    def __str__(self) -> str:
        return Exception.__str__(self)


class CatalogueError(HarvestError):
    """The catalogue could not be written."""


class SourceRefused(SourceUnavailable):
    """The source refused our credentials."""


class CredentialsMissing(SourceRefused):
    """Credentials are missing."""


class AnsweredWithError(SourceUnavailable):
    """The source answered with an error."""


class CursorLost(SourceUnavailable):
    """The source cannot continue the run where it stopped: harvest again, which begins a new run."""


class UnreadableAnswer(SourceUnavailable):
    """The answer of the source cannot be understood."""


class CredentialsError(HarvestError):
    """The credentials of a source cannot be read."""
