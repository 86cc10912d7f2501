"""How fast stereo is, in one run on one machine: detection, keeping sets true, and searching them.

Detection in memory is held against the best SQL. Both start from records that are at hand, in memory or in an indexed
and analysed table, and end with pairs and triplets with their angles and common areas. In the database unit vectors and
areas are columns already, and areas are planar there, which is in its favour.

The sets of a catalogue are held against the same catalogue without them: in a bulk harvest, when one image arrives, and
when pages of them are searched.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psycopg
import shapely

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from database import Database
from footprints import StereoLimits, find_link_columns, find_triplet_columns, lines_of_sight, pair_columns, pairs_among
from tests.benchmarks.server import running_server
from tests.benchmarks.stereo_arrival import measured_arrival
from tests.benchmarks.stereo_keeping import harvested_images, measured_keeping
from tests.benchmarks.stereo_searching import measured_searching
from tests.footprints.stereo.stereo_archive import Archive
from tests.postgres import PostgresServer

SEED = 20_240_601
LIMITS = StereoLimits()
WANTED_RATIO = 5.0
WANTED_MIB = 1024.0
WANTED_COST = 0.1  #: of a bulk harvest
WANTED_ARRIVAL_MS = 50.0
WANTED_SEARCH_RATIO = 1.1  #: two runs of one search differ by a few per cent
#: Of the images of a harvest that are views of a pair.
SHARES = (0.0, 0.1)
#: They make a page of sets to search, half of it with images that arrive one by one.
FEWEST_ITEMS = 1_000

VIEWS = """
    CREATE TABLE stereo_views (
        id integer, platform smallint, taken timestamptz, x float8, y float8, z float8, area_km2 float8,
        km2_per_square_degree float8, footprint geometry(Polygon, 4326)
    )
"""
INDEX = "CREATE INDEX ON stereo_views (platform, taken)"
# A join in the usual form is planned through an index on the footprint and does not end; OFFSET 0 forces the other one.
LINKS = """
    CREATE TABLE stereo_links AS
    SELECT first.id AS first, near.id AS second, angle.convergence_deg, shared.km2 AS shared_km2
    FROM stereo_views first
    CROSS JOIN LATERAL (
        SELECT * FROM stereo_views other
        WHERE other.platform = first.platform
          AND other.taken BETWEEN first.taken AND first.taken + make_interval(secs => %(pass_s)s)
          AND (other.taken, other.id) > (first.taken, first.id)
          AND other.footprint && first.footprint
        OFFSET 0
    ) near
    CROSS JOIN LATERAL (
        SELECT degrees(acos(least(1, first.x * near.x + first.y * near.y + first.z * near.z))) AS convergence_deg
        OFFSET 0
    ) angle
    CROSS JOIN LATERAL (
        SELECT ST_Area(ST_Intersection(first.footprint, near.footprint)) * first.km2_per_square_degree AS km2 OFFSET 0
    ) shared
    WHERE angle.convergence_deg BETWEEN %(min_consecutive_deg)s AND %(max_outer_deg)s
      AND shared.km2 >= greatest(%(min_overlap)s * least(first.area_km2, near.area_km2), %(min_overlap_km2)s)
"""
LINK_INDEX = "CREATE INDEX ON stereo_links (first, second)"
TRIPLETS = """
    CREATE TABLE stereo_triplets AS
    SELECT a.id AS forward, b.id AS nadir, c.id AS backward, shared.km2 AS shared_km2
    FROM stereo_links earlier
    JOIN stereo_links later ON later.first = earlier.second
    JOIN stereo_links around ON around.first = earlier.first AND around.second = later.second
    JOIN stereo_views a ON a.id = earlier.first
    JOIN stereo_views b ON b.id = earlier.second
    JOIN stereo_views c ON c.id = later.second
    CROSS JOIN LATERAL (
        SELECT ST_Area(ST_Intersection(ST_Intersection(a.footprint, b.footprint), c.footprint))
            * a.km2_per_square_degree AS km2
        OFFSET 0
    ) shared
    WHERE around.convergence_deg BETWEEN %(min_convergence_deg)s AND %(max_outer_deg)s
      AND around.convergence_deg >= greatest(earlier.convergence_deg, later.convergence_deg)
      AND shared.km2 >= %(min_overlap)s * least(a.area_km2, b.area_km2, c.area_km2)
"""
PAIR_COUNT = """
    SELECT count(*) FROM stereo_links WHERE convergence_deg BETWEEN %(min_convergence_deg)s AND %(max_convergence_deg)s
"""


@dataclass(frozen=True, kw_only=True)
class Detection:
    """What one way of detection found, and how long it took."""

    seconds: float
    pairs: int
    triplets: int
    peak_mib: float | None = None  #: of memory, the records and Python included; that of the server is not known


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One figure, and what is wanted of it."""

    what: str
    figure: float
    unit: str
    is_met: bool
    detail: str


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and answer 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000, help="acquisitions to detect among; 0 for none")
    parser.add_argument(
        "--items", type=int, default=20_000, help=f"Items to harvest and to search, {FEWEST_ITEMS} or more; 0 for none"
    )
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    chosen = parser.parse_args(arguments)
    if chosen.items and chosen.items < FEWEST_ITEMS:
        parser.error(
            f"--items {chosen.items} would not fill a page of sets to search: take {FEWEST_ITEMS} or more, or 0"
        )
    with running_server() as server:
        comparisons = [*_detection(server, chosen.records), *_catalogue(server, chosen.items)]
    print(json.dumps([asdict(each) for each in comparisons]) if chosen.json else _table(comparisons))  # noqa: T201
    return int(not all(each.is_met for each in comparisons))


def _detection(server: PostgresServer, records: int) -> Iterator[Comparison]:
    if not records:
        return
    # In a process of its own, so that nothing else counts towards its memory.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        memory = process.submit(detected_in_memory, records).result()
    with server.clone() as database, psycopg.connect(database.conninfo("owner"), autocommit=True) as connection:
        sql = detected_in_database(connection, records)
    _check_agreement(memory, sql)
    ratio, peak_mib = sql.seconds / memory.seconds, memory.peak_mib or 0
    found = f"{records:,} acquisitions, {memory.pairs:,} pairs, {memory.triplets:,} triplets"
    times = f"{sql.seconds:.1f} s over {memory.seconds:.1f} s"
    yield Comparison(
        what="detection over LATERAL SQL", figure=ratio, unit="×", is_met=ratio >= WANTED_RATIO, detail=times
    )
    yield Comparison(what="peak of memory", figure=peak_mib, unit="MiB", is_met=peak_mib <= WANTED_MIB, detail=found)


def _catalogue(server: PostgresServer, count: int) -> Iterator[Comparison]:
    if not count:
        return
    for share in SHARES:
        keeping = measured_keeping(server, count, share)
        yield Comparison(
            what=f"keeping sets true, {share:.0%} of the images in pairs",
            figure=100 * keeping.added_work,
            unit="% of the processor time of a harvest",
            is_met=keeping.added_work < WANTED_COST,
            detail=f"{count:,} images, {keeping.pairs:,} pairs, {keeping.added_time:+.1%} by the clock",
        )
    with server.clone() as database:
        yield from _in_catalogue(database, count)


def _in_catalogue(database: Database, count: int) -> Iterator[Comparison]:
    images = harvested_images(database, count, SHARES[-1])
    arrival, searching = measured_arrival(database, images[2 :: round(2 / SHARES[-1])]), measured_searching(database)
    yield Comparison(
        what="an image and its pair",
        figure=arrival.with_pair_ms,
        unit="ms of the database",
        is_met=arrival.with_pair_ms <= WANTED_ARRIVAL_MS,
        detail=f"{arrival.alone_ms:.1f} ms for an image that makes none",
    )
    yield Comparison(
        what="/stereo/search over /search of the same sets",
        figure=searching.ratio,
        unit="×",
        is_met=searching.ratio <= WANTED_SEARCH_RATIO,
        detail=f"{searching.stereo_ms:.0f} ms, {searching.plain_ms:.0f} ms; {searching.images_ms:.0f} ms for images",
    )


def detected_in_memory(records: int) -> Detection:
    """From columns of records to pairs with all their quantities, and triplets."""
    archive = Archive.generate(records, SEED, antimeridian_share=0)
    _ = archive.azimuths_deg, archive.incidences_deg  # these are kept, and part of the records
    began = time.perf_counter()
    table = archive.table()
    links = find_link_columns(table, LIMITS)
    pairs = pair_columns(table, links[pairs_among(links, LIMITS)])
    triplets = find_triplet_columns(table, links, LIMITS)
    seconds = time.perf_counter() - began
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Detection(seconds=seconds, pairs=len(pairs), triplets=len(triplets), peak_mib=peak_mib)


def detected_in_database(connection: psycopg.Connection[tuple[int]], records: int) -> Detection:
    """From an indexed table to tables of pairs and triplets."""
    _load(connection, Archive.generate(records, SEED, antimeridian_share=0))
    limits = asdict(LIMITS)
    began = time.perf_counter()
    connection.execute(_bound(connection, LINKS, limits))
    connection.execute(LINK_INDEX)
    connection.execute("ANALYZE stereo_links")
    connection.execute(_bound(connection, TRIPLETS, limits))
    seconds = time.perf_counter() - began
    pairs = _number(connection, _bound(connection, PAIR_COUNT, limits))
    return Detection(seconds=seconds, pairs=pairs, triplets=_number(connection, "SELECT count(*) FROM stereo_triplets"))


def _load(connection: psycopg.Connection[tuple[int]], archive: Archive) -> None:
    connection.execute(VIEWS)
    with connection.cursor().copy("COPY stereo_views FROM STDIN") as copy:
        for row in _rows(archive):
            copy.write_row(row)
    connection.execute("CREATE UNIQUE INDEX ON stereo_views (id)")
    connection.execute(INDEX)
    connection.execute("ANALYZE stereo_views")


def _rows(archive: Archive) -> Iterable[tuple[object, ...]]:
    corners = archive.corners.copy()
    corners[..., 0] -= 360 * np.round((corners[..., 0] - corners[:, :1, 0]) / 360)
    polygons = shapely.set_srid(shapely.polygons(corners), 4326)
    km2_per_square_degree = 111.2**2 * np.cos(np.radians(corners[..., 1].mean(axis=1)))
    return zip(
        range(len(archive)),
        archive.platforms.tolist(),
        (archive.times_us.astype("datetime64[us]")).tolist(),
        *lines_of_sight(archive.azimuths_deg, archive.incidences_deg).T.tolist(),
        (shapely.area(polygons) * km2_per_square_degree).tolist(),
        km2_per_square_degree.tolist(),
        np.asarray(shapely.to_wkb(polygons, hex=True, include_srid=True)).tolist(),
        strict=True,
    )


def _bound(connection: psycopg.Connection[tuple[int]], query: str, limits: dict[str, float]) -> bytes:
    # CREATE TABLE AS takes no parameters on the server.
    return psycopg.ClientCursor(connection).mogrify(query, limits).encode()


def _number(connection: psycopg.Connection[tuple[int]], query: str | bytes) -> int:
    row = connection.execute(query).fetchone()
    return row[0] if row else 0


def _check_agreement(in_memory: Detection, in_database: Detection) -> None:
    for ours, theirs in ((in_memory.pairs, in_database.pairs), (in_memory.triplets, in_database.triplets)):
        if abs(ours - theirs) > 0.005 * theirs:
            raise SystemExit(f"The two ways found {ours} and {theirs}; they must agree but for borderline cases.")


def _table(comparisons: Sequence[Comparison]) -> str:
    rows = [
        (each.what, f"{each.figure:.1f} {each.unit}", each.detail, "" if each.is_met else "missed")
        for each in comparisons
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (("what", "figure", "", ""), ("---",) * 4, *rows))


if __name__ == "__main__":
    sys.exit(main())
