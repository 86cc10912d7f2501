"""`dinamis stereo show` and `export`: one stereo set as a picture, and as the input of a chain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from database.commands.opening import ready_database
from database.commands.terminal import Failure, json_option, print_json, print_plain
from harvester.commands.stereo_search import set_collections

if TYPE_CHECKING:
    from harvester.items.document import ItemDocument
    from harvester.stereo.held_views import Places

CHAINS = ("cars", "asp", "micmac", "s2p")  #: keys of harvester.stereo.export.CHAINS


@click.command()
@click.argument("pair")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Draw the picture into this file: .png or .svg.",
)
@json_option
def show(pair: str, output: Path | None, as_json: bool) -> None:
    """Show the stereo set PAIR: its angles and its views. With --output a picture is drawn too.

    The picture shows the footprints and their overlap on a map, the satellite in the sky, and the numbers.

    \b
      dinamis stereo show pleiades-1a_202108151041301_202108151042001
      dinamis stereo show pleiades-1a_202108151041301_202108151042001 --output pair.png
    """  # noqa: D301  # click wants the character, which a raw string has not
    if output and output.suffix.lower() not in (".png", ".svg"):
        raise click.UsageError(f"the name of {output} must end with .png or .svg.")
    item, views = _set_and_views(pair)
    if output:
        _draw(item, [view for view, _ in views], output)
    if as_json:
        print_json(item)
    else:
        _print_set(item)


@click.command()
@click.argument("pair")
@click.option("--for", "chain", type=click.Choice(CHAINS), required=True, help="The chain that computes the model.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write into; by default one here with the name of the set.",
)
def export(pair: str, chain: str, output: Path | None) -> None:
    """Write a PAIR as input of a chain that computes surface models.

    Images are not copied: the input names them where they are. Exit code: 2 if a view is not held in sensor geometry,
    or its files cannot be reached from here.

    \b
      dinamis stereo export pleiades-1a_202108151041301_202108151042001 --for cars
      dinamis stereo export pleiades-1a_202108151041301_202108151042001 --for asp --output ./model
    """  # noqa: D301  # click wants the character, which a raw string has not
    from shapely.geometry import shape

    from harvester.stereo.export import export_views
    from harvester.stereo.held_views import held_views

    item, views = _set_and_views(pair)
    held = held_views(item, views)
    middle = shape(item["geometry"]).representative_point()
    directory = (output or Path(item["id"])).absolute()
    print_plain(str(_written(lambda: export_views(held, chain, (middle.x, middle.y), directory))))


def _set_and_views(name: str) -> tuple[ItemDocument, list[tuple[ItemDocument, Places]]]:
    from harvester.stereo.pair_search import set_called, views_of

    with ready_database("api").connect("api") as connection:
        item = set_called(connection, name, set_collections())
        return item, views_of(connection, item)


def _draw(item: ItemDocument, views: Sequence[ItemDocument], output: Path) -> None:
    from footprints.stereo.picture import stereo_picture

    picture = stereo_picture(item, views, "svg" if output.suffix.lower() == ".svg" else "png")
    _written(lambda: output.write_bytes(picture))


def _written(write: Any) -> Any:
    """The result of a function that writes.

    Raises:
        Failure: the files cannot be written.
    """
    try:
        return write()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Failure(f"{where}{error.strerror}. Choose another --output.") from error


def _print_set(item: ItemDocument) -> None:
    from footprints.stereo.picture import numbers_of
    from footprints.stereo.properties import ROLES

    told = item["properties"]
    print_plain(f"{item['id']}  {told.get('title', '')}".rstrip())
    names = told["stereo:views"]
    to_order = told.get("stereo:views_to_order") or []
    for role, name in zip(ROLES.get(len(names), names), names, strict=True):
        print_plain(f"  {role:<20}{name}{' (to order)' if name in to_order else ''}")
    for quantity, value in numbers_of(told):
        print_plain(f"  {quantity:<20}{value}")
