"""`dinamis stereo search`, `show` and `export` over a harvested catalogue, as people type them."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely
from click.testing import CliRunner, Result

from cli import main
from database import Database
from footprints.stereo.suitability import CHAIN_PREFERENCES
from harvester.commands.stereo_search import PRESETS
from harvester.commands.stereo_use import CHAINS as CHAINS_OF_COMMAND
from harvester.sample_archive import DeliverySpec, View, write_delivery
from harvester.stereo.export import CHAINS
from tests.harvests import FIRST_VIEW, counts, documents, harvest_context, run
from tests.postgres import PostgresServer

PARIS, LYON = (2.35, 48.85), (4.84, 45.76)


@dataclass(frozen=True)
class Place:
    """The commands over one catalogue."""

    database: Database
    archive: Path

    def type(self, *arguments: str | Path) -> Result:
        """Type `dinamis stereo` and these arguments."""
        variables = {
            "DINAMIS_DATABASE_URL": self.database.conninfo("owner"),
            "DINAMIS_API_DATABASE_URL": self.database.conninfo("api"),
            "DINAMIS_HARVEST_DATABASE_URL": self.database.conninfo("harvest"),
        }
        return CliRunner().invoke(main, ["stereo", *map(str, arguments)], env=variables)

    def answer(self, *arguments: str | Path) -> str:
        """What a command prints after it did its work."""
        result = self.type(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def found(self, *arguments: str | Path) -> list[dict[str, Any]]:
        """The Items that a search finds."""
        items: list[dict[str, Any]] = json.loads(self.answer("search", *arguments, "--format", "geojson"))["features"]
        return items


def view(seconds: float, azimuth: float, incidence: float) -> View:
    """One view, so many seconds after the first."""
    return View(FIRST_VIEW + timedelta(seconds=seconds), azimuth_deg=azimuth, incidence_deg=incidence)


@pytest.fixture(scope="module")
def place(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A pair over Paris in tiles and a triplet over Lyon, in sensor geometry, harvested."""
    archive = tmp_path_factory.mktemp("archive")
    sensor: dict[str, Any] = {"level": "SENSOR", "modes": ("P", "MS"), "rows": 64, "cols": 64, "pixel_m": 60.0}
    pair = DeliverySpec(
        views=(view(0, 5, 9), view(27, 182, 9)), lon=PARIS[0], lat=PARIS[1], tiles=(2, 2), job="6000000101", **sensor
    )
    triplet = DeliverySpec(
        views=(view(3600, 5, 14), view(3622, 95, 3), view(3644, 182, 13)), lon=LYON[0], lat=LYON[1], job="6000000202",
        cloud_cover_percent=12.0, **sensor
    )  # fmt: skip
    for spec in (pair, triplet):
        write_delivery(archive, spec)
    with postgres_server.clone() as database:
        assert counts(run(harvest_context(database, *documents()), archive)) == {"new": 10}
        yield Place(database, archive)


def base_of(told: dict[str, Any]) -> float:
    """The mean convergence of neighbouring views."""
    return float(told["stereo:convergence_angle"] / (told["stereo:view_count"] - 1))


def only(items: list[dict[str, Any]]) -> dict[str, Any]:
    """The one Item of a list."""
    (item,) = items
    return item


@pytest.fixture(scope="module")
def pair(place: Place) -> dict[str, Any]:
    """The pair over Paris."""
    return only(place.found("--bbox", "2,48,3,49"))


@pytest.fixture(scope="module")
def triplet(place: Place) -> dict[str, Any]:
    """The triplet over Lyon."""
    return only(place.found("--mode", "tri-stereo"))


def test_sets_are_found_the_most_suitable_first(place: Place) -> None:
    """Without conditions all sets are found: the pair, the triplet and its three pairs, by suitability."""
    sets = place.found()
    assert len(sets) == 5
    suitabilities = [each["properties"]["stereo:suitability"] for each in sets]
    assert suitabilities == sorted(suitabilities, reverse=True)


@pytest.mark.parametrize(
    ("arguments", "meets"),
    [
        (["--convergence", "20,"], lambda told: told["stereo:convergence_angle"] >= 20),
        (["--convergence", ",20"], lambda told: told["stereo:convergence_angle"] <= 20),
        (["--cloud", "5"], lambda told: told["stereo:cloud_cover_max"] <= 5),
        (["--base-to-height", "0.2,0.3"], lambda told: 0.2 <= told["stereo:base_to_height"] <= 0.3),
        (["--mode", "stereo"], lambda told: told["stereo:mode"] == "stereo"),
        (["--datetime", "../2021-08-15T11:00:00Z"], lambda told: told["datetime"] < "2021-08-15T11"),
        (["--preset", "dsm-opt"], lambda told: 5 <= base_of(told) <= 15),
    ],
)
def test_conditions_choose_the_sets_that_meet_them(
    place: Place, arguments: list[str], meets: Callable[[dict[str, Any]], bool]
) -> None:
    """Each option keeps exactly the sets for which it holds, and there are some of both kinds."""
    everything = place.found()
    wanted = {each["id"] for each in everything if meets(each["properties"])}
    assert 0 < len(wanted) < len(everything)
    assert {each["id"] for each in place.found(*arguments)} == wanted


def test_sets_to_order_are_asked_for_apart(place: Place) -> None:
    """Where all views are held, --held finds all and --to-order none."""
    assert len(place.found("--held")) == 5
    assert place.found("--to-order") == []
    assert "No stereo set" in place.answer("search", "--to-order")


def test_area_may_be_a_file_in_any_crs(place: Place, tmp_path: Path, pair: dict[str, Any]) -> None:
    """A GeoPackage in Lambert-93 finds what lies under its polygons."""
    file = tmp_path / "paris.gpkg"
    square = shapely.box(651_000, 6_860_000, 653_000, 6_862_000)
    pyogrio.raw.write(
        file, np.array([shapely.to_wkb(square)], dtype=object), [], [], geometry_type="Polygon", crs="EPSG:2154"
    )
    assert [each["id"] for each in place.found("--intersects", file)] == [pair["id"]]


def test_box_may_cross_the_antimeridian(place: Place, pair: dict[str, Any]) -> None:
    """A box that begins in the far east and ends behind Paris holds the pair, the box between both does not."""
    assert [each["id"] for each in place.found("--bbox", "170,48,3,49")] == [pair["id"]]
    assert place.found("--bbox", "3,48,170,49") == []


def test_clouds_inside_the_area_are_held_against_their_limit(place: Place, triplet: dict[str, Any]) -> None:
    """The masks of the harvested views tell what clouds hide; a set at the limit is found, one beyond it is not."""
    area = ("--bbox", "4,45,5,46")
    sets = place.found(*area, "--aoi-cloud", "100")
    covers = {each["id"]: each["properties"]["stereo:aoi_cloud_cover"] for each in sets}
    assert len(covers) == 4
    assert all(5 < cover < 20 for cover in covers.values())
    assert all(0 < each["properties"]["stereo:aoi_coverage"] < 0.1 for each in sets)
    limit = covers[triplet["id"]]
    for most in (limit, limit - 0.01):
        wanted = {name for name, cover in covers.items() if cover <= most}
        assert {each["id"] for each in place.found(*area, "--aoi-cloud", str(most))} == wanted
    assert [each["id"] for each in place.found(*area, "--aoi-cloud", "100", "--limit", "2")] == list(covers)[:2]


def test_clouds_inside_the_area_are_told(place: Place, pair: dict[str, Any]) -> None:
    """Table and CSV have what clouds hide of the area; without that question the table has no such columns."""
    area = ("--bbox", "2,48,3,49")
    row = only(list(csv.DictReader(io.StringIO(place.answer("search", *area, "--aoi-cloud", "0", "--format", "csv")))))
    assert (row["id"], float(row["aoi_cloud_max"]), float(row["aoi_cloud_mean"])) == (pair["id"], 0, 0)
    heading, line = place.answer("search", *area, "--aoi-cloud", "0").splitlines()
    assert heading.split("suits")[1].split() == ["of", "area", "hidden", "held", "set"]
    assert line.split()[-4:-1] == ["0", "%", "yes"]
    assert "hidden" not in place.answer("search", *area)


def test_clouds_inside_no_area_are_refused(place: Place, tmp_path: Path) -> None:
    """Without an area, and with one that is a point, there is no share that clouds could hide."""
    assert "give --bbox or --intersects" in place.type("search", "--aoi-cloud", "5").stderr
    point = tmp_path / "point.geojson"
    point.write_text('{"type": "Point", "coordinates": [2.35, 48.85]}')
    result = place.type("search", "--intersects", point, "--aoi-cloud", "5")
    assert (result.exit_code, "surface" in result.stderr) == (2, True)


def test_area_that_is_none_is_refused(place: Place, tmp_path: Path) -> None:
    """A file without polygons, or of another kind, is refused with what to do."""
    text = tmp_path / "notes.txt"
    text.write_text("Paris")
    result = place.type("search", "--intersects", text)
    assert result.exit_code == 2
    assert "is not GeoJSON" in result.stderr
    empty = tmp_path / "empty.geojson"
    empty.write_text('{"type": "FeatureCollection", "features": []}')
    assert "shows nothing" in place.type("search", "--intersects", empty).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--convergence", "20,5"],
        ["--convergence", "7"],
        ["--bbox", "1,2,3"],
        ["--bbox", "2,49,3,48"],
        ["--bbox", "2,48,3,91"],
        ["--bbox", "500,48,510,49"],
        ["--bbox", "nan,48,3,49"],
        ["--format", "gpkg"],
        ["--output", "sets.doc"],
    ],
)
def test_impossible_searches_are_refused(place: Place, arguments: list[str]) -> None:
    """What cannot be meant ends with exit code 2 before the catalogue is asked."""
    result = place.type("search", *arguments)
    assert result.exit_code == 2
    assert "Error" in result.stderr


def test_time_that_cannot_be_read_is_refused(place: Place) -> None:
    """What pgSTAC cannot take for a time ends with exit code 2 and how times are written, without a traceback."""
    result = place.type("search", "--datetime", "yesterdays")
    assert result.exit_code == 2
    assert "RFC 3339" in result.stderr


def test_catalogue_without_stereo_is_searched_with_advice(database: Database, tmp_path: Path) -> None:
    """Where nothing was harvested yet, a condition is refused with the command that publishes the collections."""
    result = Place(database, tmp_path).type("search", "--cloud", "10")
    assert result.exit_code == 2
    assert "dinamis collections load" in result.stderr


def test_table_has_a_line_for_each_set(place: Place, pair: dict[str, Any]) -> None:
    """Without a format there is a heading and a line that ends with the id."""
    heading, line = place.answer("search", "--bbox", "2,48,3,49").splitlines()
    assert heading.split()[0] == "date"
    assert line.split()[0] == "2021-08-15"
    assert line.split()[-1] == pair["id"]


def test_csv_is_what_was_found(place: Place, pair: dict[str, Any]) -> None:
    """The CSV has a heading and the numbers of each set, lists as words."""
    row = only(list(csv.DictReader(io.StringIO(place.answer("search", "--bbox", "2,48,3,49", "--format", "csv")))))
    assert row["id"] == pair["id"]
    assert float(row["convergence"]) == pytest.approx(pair["properties"]["stereo:convergence_angle"])
    assert row["views"].split() == pair["properties"]["stereo:views"]


def test_geopackage_that_cannot_be_written_is_one_line(place: Place) -> None:
    """A folder in which no file can be made ends with exit code 2 and its name."""
    refused = place.type("search", "--output", "/proc/sets.gpkg")
    assert (refused.exit_code, "cannot be written" in refused.stderr) == (2, True)


def test_geopackage_has_geometries_and_numbers(place: Place, tmp_path: Path, triplet: dict[str, Any]) -> None:
    """QGIS gets polygons, real numbers, dates and truths; a second search replaces the file."""
    file = tmp_path / "sets.gpkg"
    for _ in range(2):
        place.answer("search", "--output", file)
    meta, _, geometries, values = pyogrio.raw.read(file)
    table = dict(zip(meta["fields"], values, strict=True))
    row = list(table["id"]).index(triplet["id"])
    assert len(table["id"]) == 5
    assert shapely.from_wkb(geometries[row]).equals(shapely.from_geojson(json.dumps(triplet["geometry"])))
    assert table["convergence"][row] == pytest.approx(triplet["properties"]["stereo:convergence_angle"])
    assert bool(table["held"][row]) is True
    assert str(table["datetime"][row])[:16] == "2021-08-15T11:41"
    with closing(sqlite3.connect(file)) as database:
        types = dict(database.execute("SELECT name, type FROM pragma_table_info('stereo')").fetchall())
    assert (types["held"], types["convergence"], types["datetime"]) == ("BOOLEAN", "REAL", "DATETIME")


def test_empty_answer_is_a_file_too(place: Place, tmp_path: Path) -> None:
    """A search that finds nothing writes a GeoPackage without rows."""
    file = tmp_path / "none.gpkg"
    place.answer("search", "--to-order", "--output", file)
    assert pyogrio.read_info(file)["features"] == 0


def test_show_tells_numbers_and_roles(place: Place, triplet: dict[str, Any]) -> None:
    """The set is told with its views by role."""
    told = place.answer("show", triplet["id"])
    for role, name in zip(("forward", "nadir", "backward"), triplet["properties"]["stereo:views"], strict=True):
        assert f"  {role:<20}{name}" in told
    assert f"{triplet['properties']['stereo:convergence_angle']:.1f}°" in told
    assert json.loads(place.answer("show", triplet["id"], "--json"))["id"] == triplet["id"]


def test_show_draws_what_the_ending_says(place: Place, tmp_path: Path, pair: dict[str, Any]) -> None:
    """The picture is a PNG or an SVG by the name of the file."""
    place.answer("show", pair["id"], "--output", tmp_path / "pair.png")
    place.answer("show", pair["id"], "--output", tmp_path / "pair.svg")
    assert (tmp_path / "pair.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "pair.svg").read_bytes()
    assert place.type("show", pair["id"], "--output", tmp_path / "pair.pdf").exit_code == 2
    refused = place.type("show", pair["id"], "--output", tmp_path / "missing" / "pair.png")
    assert refused.exit_code == 2
    assert "Choose another --output" in refused.stderr


def test_unknown_set_is_refused(place: Place) -> None:
    """A name that no set has ends with what to do."""
    result = place.type("show", "pleiades-1a_nothing")
    assert result.exit_code == 2
    assert "dinamis stereo search" in result.stderr


def test_triplet_is_exported_with_the_files_of_the_archive(
    place: Place, tmp_path: Path, triplet: dict[str, Any]
) -> None:
    """The file for CARS names the panchromatic images and RPC of the views, in the order of time."""
    file = Path(place.answer("export", triplet["id"], "--for", "cars", "--output", tmp_path / "model").strip())
    sensors = list(json.loads(file.read_text("utf-8"))["input"]["sensors"].values())
    for sensor, name in zip(sensors, triplet["properties"]["stereo:views"], strict=True):
        stamp = name.partition("_")[2]
        for path, start in ((sensor["image"], "IMG_PHR1A_P_"), (sensor["geomodel"], "RPC_PHR1A_P_")):
            assert Path(path).name.startswith(f"{start}{stamp}")
            assert Path(path).is_file()


@pytest.mark.parametrize("chain", CHAINS)
def test_every_chain_is_exported_from_tiles(place: Place, tmp_path: Path, pair: dict[str, Any], chain: str) -> None:
    """Each chain gets its input from a delivery in tiles, joined by virtual mosaics."""
    file = Path(place.answer("export", pair["id"], "--for", chain, "--output", tmp_path).strip())
    assert file.is_file()
    assert len(list(tmp_path.glob("PHR1A_*.vrt"))) == 2


def test_export_refuses_files_that_are_gone(place: Place, tmp_path: Path, pair: dict[str, Any]) -> None:
    """A file that does not lie where it was is named, and nothing is written."""
    second = "".join(filter(str.isdigit, pair["properties"]["start_datetime"]))[:14]
    (image,) = place.archive.rglob(f"IMG_*_P_{second}*_R1C1.TIF")
    hidden = image.rename(image.with_suffix(".away"))
    try:
        result = place.type("export", pair["id"], "--for", "cars", "--output", tmp_path / "model")
    finally:
        hidden.rename(image)
    assert result.exit_code == 2
    assert image.name in result.stderr
    assert not (tmp_path / "model").exists()


def test_choices_of_the_options_are_those_of_the_rooms() -> None:
    """Options name the chains that are known, without loading them for --help."""
    assert set(CHAINS_OF_COMMAND) == set(CHAINS)
    assert set(PRESETS) == set(CHAIN_PREFERENCES)
