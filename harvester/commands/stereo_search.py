"""`dinamis stereo search`: the stereo sets of the catalogue as a table or a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from database.commands.opening import ready_database
from database.commands.terminal import Failure, print_plain, say
from harvester.commands.bbox import Command, bbox_option
from harvester.commands.opening import collection_documents

if TYPE_CHECKING:
    from harvester.items.document import ItemDocument
    from harvester.stereo.pair_search import Bounds, StereoQuestion


PRESETS = ("dsm-opt", "cars", "asp", "micmac")  #: keys of footprints.stereo.suitability.CHAIN_PREFERENCES
_FORMATS = {".json": "geojson", ".geojson": "geojson", ".gpkg": "gpkg", ".csv": "csv"}
_VIEW_COUNTS = {"stereo": 2, "tri-stereo": 3}


def _range(_ctx: click.Context, _param: click.Parameter, text: str | None) -> Bounds | None:
    """Two numbers with a comma between them, either of which may be left out: `5,20`, `5,` and `,20`."""
    if text is None:
        return None
    refusal = click.BadParameter(f"{text!r} is not two numbers in order, with a comma between them.")
    try:
        low, high = (float(word) if word.strip() else None for word in text.split(","))
    except ValueError:
        raise refusal from None
    if low is not None and high is not None and not low <= high:
        raise refusal
    return low, high


def _range_option(name: str, text: str) -> Callable[[Command], Command]:
    return click.option(name, metavar="MIN,MAX", callback=_range, help=text)


@click.command()
@bbox_option("Box in degrees.")
@click.option(
    "--intersects",
    "area",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the area: GeoJSON, GeoPackage, Shapefile, KML.",
)
@click.option("--datetime", "moments", metavar="WHEN", help="RFC 3339: an instant, or FROM/TO with .. for an open end.")
@click.option("--mode", type=click.Choice(list(_VIEW_COUNTS)), help="Pairs or triplets.")
@click.option("--held/--to-order", default=None, help="Only sets all of whose views are held, or only the others.")
@_range_option("--convergence", "Degrees; of a triplet, between its outer views.")
@_range_option("--base-to-height", "Base over height.")
@click.option("--overlap", type=click.FloatRange(0, 1), help="Minimum overlap, as a share of the smallest footprint.")
@click.option("--cloud", type=click.FloatRange(0, 100), help="Maximum cloud cover of every view, in percent.")
@click.option(
    "--aoi-cloud",
    type=click.FloatRange(0, 100),
    help="Maximum share of the area that clouds hide in any view, in percent; with --bbox or --intersects.",
)
@click.option("--preset", type=click.Choice(PRESETS), help="Convergence that this surface model chain prefers.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True, help="At most this many sets."
)
@click.option(
    "--format",
    "wanted",
    type=click.Choice(["table", "geojson", "gpkg", "csv"]),
    help="By default that of the extension of --output, else a table.",
)
@click.option("--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write into this file.")
def search(wanted: str | None, output: Path | None, **terms: Any) -> None:
    """Search the stereo pairs and triplets, the most suitable first.

    A set is left out if a quantity that an option limits is unknown for it. Exit code: 0, also if nothing is found.

    \b
      dinamis stereo search --bbox 2.2,48.8,2.5,48.9 --cloud 10
      dinamis stereo search --intersects town.gpkg --mode tri-stereo --preset cars --output sets.gpkg
      dinamis stereo search --convergence 5,20 --held --format csv > sets.csv
      dinamis stereo search --intersects town.gpkg --aoi-cloud 5
    """  # noqa: D301  # click wants the character, which a raw string has not
    chosen = wanted or (_FORMATS.get(output.suffix.lower()) if output else "table")
    _refuse_impossible(chosen, output, terms)
    question = _question(terms, set_collections())
    sets = _found(question, terms["aoi_cloud"])
    if len(sets) == question.limit:
        say(f"There may be more: these are the {question.limit} most suitable ones (--limit).")
    _give(sets, str(chosen), output)


def set_collections() -> list[str]:
    """The collections of stereo sets, according to the documents in use."""
    from harvester.stereo.rules import StereoRules

    return sorted(StereoRules(collection_documents()).set_collections)


def _refuse_impossible(chosen: str | None, output: Path | None, terms: Mapping[str, Any]) -> None:
    if chosen is None:
        raise click.UsageError(f"give --format: the name of {output} does not show it.")
    if chosen == "gpkg" and output is None:
        raise click.UsageError("a GeoPackage is a file: name it with --output.")
    if chosen == "table" and output is not None:
        raise click.UsageError("a table is for the terminal: choose another --format for --output.")
    if terms["bbox"] and terms["area"]:
        raise click.UsageError("give --bbox or --intersects, not both.")
    if terms["aoi_cloud"] is not None and not (terms["bbox"] or terms["area"]):
        raise click.UsageError("--aoi-cloud is about an area: give --bbox or --intersects.")


def _question(terms: Mapping[str, Any], collections: Sequence[str]) -> StereoQuestion:
    from harvester.stereo.pair_search import CONVERGENCE, StereoQuestion

    bounds: dict[str, Bounds] = {
        CONVERGENCE: terms["convergence"] or (None, None),
        "stereo:base_to_height": terms["base_to_height"] or (None, None),
        "stereo:overlap": (terms["overlap"], None),
        "stereo:cloud_cover_max": (None, terms["cloud"]),
    }
    return StereoQuestion(
        collections=collections,
        intersects=_area(terms["area"], terms["bbox"]),
        datetime=terms["moments"],
        mode=terms["mode"],
        held=terms["held"],
        bounds=bounds,
        convergence_by_views=_preferred(terms["preset"]) if terms["preset"] else None,
        limit=terms["limit"],
    )


def _area(file: Path | None, bbox: Sequence[float] | None) -> dict[str, Any] | None:
    """The area as one GeoJSON geometry: the shapes of a file may overlap, and a box may cross the antimeridian."""
    from shapely import MultiPolygon, box, union_all
    from shapely.geometry import mapping, shape

    from database.commands.area_files import area_in
    from footprints import bbox_parts

    if file:
        return dict(mapping(union_all(shape(area_in(file)))))
    if not bbox:
        return None
    return dict(mapping(MultiPolygon([box(*part) for part in bbox_parts(bbox)])))


def _found(question: StereoQuestion, most_cloud: float | None) -> list[ItemDocument]:
    from harvester.stereo.clear_sets import find_clear_sets
    from harvester.stereo.pair_search import find_sets

    with ready_database("api").connect("api") as connection:
        if most_cloud is None:
            return find_sets(connection, question)
        return find_clear_sets(connection, question, most_cloud)


def _preferred(preset: str) -> dict[int, Bounds]:
    from footprints.stereo.suitability import CHAIN_PREFERENCES

    return {count: CHAIN_PREFERENCES[preset].outer_bounds_deg(count) for count in _VIEW_COUNTS.values()}


def _give(sets: Sequence[ItemDocument], chosen: str, output: Path | None) -> None:
    from harvester.stereo.set_files import as_csv, as_geojson, write_geopackage

    if output and not output.parent.is_dir():
        raise Failure(f"{output} cannot be written: make the folder {output.parent} first.")
    if chosen == "table":
        _print_table(sets)
    elif chosen == "gpkg" and output:
        write_geopackage(sets, output)
    else:
        text = as_geojson(sets) if chosen == "geojson" else as_csv(sets)
        output.write_text(text, encoding="utf-8") if output else click.echo(text, nl=False)
    if output:
        say(f"{len(sets)} sets are in {output}.")


#: Heading, property and form of each number of the table.
_NUMBERS = (
    ("views", "stereo:view_count", "{}"),
    ("conv.", "stereo:convergence_angle", "{:.1f}°"),
    ("B/H", "stereo:base_to_height", "{:.2f}"),
    ("overlap", "stereo:overlap", "{:.0%}"),
    ("km²", "stereo:overlap_area", "{:.0f}"),
    ("cloud", "stereo:cloud_cover_max", "{:.0f} %"),
    ("suits", "stereo:suitability", "{:.2f}"),
)
#: The same for sets that were compared with an area.
_OF_AREA = (("of area", "stereo:aoi_coverage", "{:.0%}"), ("hidden", "stereo:aoi_cloud_cover", "{:.0f} %"))


def _print_table(sets: Sequence[ItemDocument]) -> None:
    """A heading and a line for each set; its id comes last, as it is long."""
    if not sets:
        print_plain("No stereo set matches.")
        return
    columns = (*_NUMBERS, *(each for each in _OF_AREA if each[1] in sets[0]["properties"]))
    print_plain(f"date      {''.join(f'{heading:>8}' for heading, _, _ in columns)}  held  set")
    for each in sets:
        told = each["properties"]
        numbers = "".join(f"{_written(told.get(name), form):>8}" for _, name, form in columns)
        print_plain(
            f"{str(told['datetime'])[:10]}{numbers}  {'yes ' if told.get('dinamis:held') else 'no  '}  {each['id']}"
        )


def _written(value: Any, form: str) -> str:
    return "?" if value is None else form.format(value)
