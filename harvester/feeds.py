"""Feeds: the sources of the collections as their documents describe them, ready to be harvested."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from harvester.collection_documents import CollectionDocument, CollectionDocuments
from harvester.collection_model import SourceChoice, WithdrawalRules
from harvester.credentials import Credentials, read_credentials, variable_of
from harvester.errors import CollectionDocumentError
from harvester.sources.deliveries.addresses import absolute_location
from harvester.sources.registry import OPTIONS
from harvester.sources.source import SourceOptions

#: The source whose records go where the documents' `accepts` say, not to the collection that names it.
DELIVERIES = "deliveries"

#: Names of feeds that come from documents; a feed named on the command line has a space in its name.
_OF_A_COLLECTION = re.compile(r"[a-z0-9-]+/[a-z0-9-]+")


@dataclass(frozen=True, kw_only=True)
class Feed:
    """One source of records as it is harvested."""

    name: str  #: COLLECTION/SOURCE, or "SOURCE LOCATION" where the command line names it
    source: str  #: its name in the ledger, where record ids are unique within it
    kind: str  #: a key of `OPTIONS`
    collection: str | None  #: where its Items go; None where the documents decide record by record
    location: str  #: without credentials
    options: Any = field(repr=False)  #: `Options` of the source; they may hold secrets
    credentials_wanted: str | None = None  #: required variables that are not set
    concurrency: int = 1  #: how many jobs may ask its host at once
    schedule: str | None = None  #: cron, UTC
    full_schedule: str | None = None
    stale_after_days: float | None = None
    withdrawals: WithdrawalRules = field(default_factory=WithdrawalRules)

    @property
    def host(self) -> str:
        """By which jobs of one host are recognised; every folder is on "this machine"."""
        return urlsplit(self.location).hostname or "this machine"

    def asked_anew(self) -> Feed:
        """The feed without its kept answers: a service may be wrong in saying that nothing has changed."""
        return replace(self, options=self.options.model_copy(update={"answers": None}))


def feeds_of(
    documents: CollectionDocuments, environment: Mapping[str, str], answers: Path | None = None
) -> dict[str, Feed]:
    """All sources that are ready to be harvested, by name, in the order of the documents.

    A source without an address is left out unless its kind has a default: it only says where deliveries go.

    Args:
        documents: name the sources.
        environment: has their credentials.
        answers: folder where answers of services are kept; None to keep none.

    Raises:
        CollectionDocumentError: a source has options that its kind does not accept.
        CredentialsError: a file of credentials cannot be read.
    """
    feeds = (_feed(document, choice, environment, answers) for document, choice in _choices(documents.values()))
    return {feed.name: feed for feed in feeds if feed}


def named_sources(documents: CollectionDocuments) -> dict[str, SourceChoice]:
    """All sources that the documents name, with or without an address, by the names of their feeds."""
    return {f"{document.id}/{choice.label}": choice for document, choice in _choices(documents.values())}


def is_of_a_collection(feed: str) -> bool:
    """Whether a feed of this name is or was a source of a collection document, rather than of the command line."""
    return _OF_A_COLLECTION.fullmatch(feed) is not None


def deliveries_at(location: str, credentials: Credentials, **options: Any) -> Feed:
    """The feed of the deliveries at a place named on the command line; relative paths are made absolute."""
    source_options = OPTIONS[DELIVERIES](url=absolute_location(location), credentials=credentials, **options)
    shown = source_options.shown_location
    return Feed(
        name=f"{DELIVERIES} {shown}",
        source=DELIVERIES,
        kind=DELIVERIES,
        collection=None,
        location=shown,
        options=source_options,
    )


def _choices(documents: Iterable[CollectionDocument]) -> Iterable[tuple[CollectionDocument, SourceChoice]]:
    return ((document, choice) for document in documents for choice in document.harvest.sources)


def _feed(
    document: CollectionDocument, choice: SourceChoice, environment: Mapping[str, str], answers: Path | None
) -> Feed | None:
    options_type = OPTIONS[choice.source]
    credentials = read_credentials(choice.credentials, environment) if choice.credentials else Credentials()
    given = {**choice.given_options, "credentials": credentials, "answers": answers}
    if "url" not in given and options_type.model_fields["url"].is_required():
        return None
    try:
        options = options_type(**given)
    except ValidationError as error:
        raise CollectionDocumentError(_explained(document, choice, error)) from error
    return Feed(
        name=f"{document.id}/{choice.label}",
        source=choice.label,
        kind=choice.source,
        collection=None if choice.source == DELIVERIES else document.id,
        location=options.shown_location,
        options=options,
        credentials_wanted=_variables(choice.credentials, options) if options.lacks_credentials else None,
        concurrency=choice.concurrency,
        schedule=choice.schedule,
        full_schedule=choice.full_schedule,
        stale_after_days=choice.stale_after_days,
        withdrawals=choice.withdrawals,
    )


def _variables(name: str | None, options: SourceOptions) -> str | None:
    """The variables with the credentials that a source needs, if its document names credentials."""
    groups = ((variable_of(name, field) for field in group) for group in options.opened_by) if name else ()
    return ", or ".join(" and ".join(group) for group in groups) or None


def _explained(document: CollectionDocument, choice: SourceChoice, error: ValidationError) -> str:
    mistakes = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return f"{document.file}: the source {choice.label} does not take its options: {mistakes}"
