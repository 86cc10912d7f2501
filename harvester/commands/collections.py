"""The commands `collections`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.table import Column, Table

from database.commands.opening import settings_of
from database.commands.terminal import OUT, json_option, print_json
from harvester.commands.opening import collection_documents, harvest_context


@click.group()
def collections() -> None:
    """Work with the collection documents. They are in DINAMIS_COLLECTIONS, or else those that came with the program."""


@collections.command("list")
@json_option
def list_collections(as_json: bool) -> None:
    """List the collections, what each takes in, and where it comes from."""
    documents = collection_documents()
    if as_json:
        print_json([{"id": d.id, "title": d.title(), "sources": d.sources} for d in documents.values()])
        return
    table = Table(Column("collection", no_wrap=True), "title", "satellites", "sources")
    for document in documents.values():
        table.add_row(document.id, document.title(), " ".join(document.missions), " ".join(document.sources))
    OUT.print(table)


@collections.command()
def path() -> None:
    """Print the folder of the documents in use, to copy and change them."""
    from harvester.settings import HarvestSettings

    click.echo(settings_of(HarvestSettings).collections)


@collections.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
def check(directory: Path | None) -> None:
    """Check every collection document. Each mistake is explained, with its file and line.

    Without DIRECTORY those in use are checked. Exit code: 0 no errors, 1 errors.

    \b
      dinamis collections check
      dinamis collections check ./my-collections && export DINAMIS_COLLECTIONS=./my-collections
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.collection_checks import check_collection_documents
    from harvester.settings import HarvestSettings

    folder = directory or settings_of(HarvestSettings).collections
    problems = check_collection_documents(folder)
    for problem in problems:
        OUT.print(str(problem), highlight=False, markup=False, soft_wrap=True)
    errors = sum(problem.is_error for problem in problems)
    OUT.print(f"{folder}: {errors} errors, {len(problems) - errors} warnings", highlight=False)
    sys.exit(1 if errors else 0)


@collections.command()
def load() -> None:
    """Publish the collections in the catalogue. Their Items are never touched; repeating it changes nothing."""
    from harvester.catalogue.connections import CatalogueConnections, translated_errors
    from harvester.catalogue.publish import publish_collections

    context = harvest_context()
    with translated_errors(context.attempts), CatalogueConnections(context.conninfo, context.attempts) as connections:
        published = connections.patiently(
            lambda *_: publish_collections(context.conninfo, context.documents, context.language)
        )
    for collection, changed in published.items():
        OUT.print(f"{collection}: {'published' if changed else 'unchanged'}", highlight=False)
