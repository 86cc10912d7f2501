"""Holds the detection of stereo in memory against the best SQL, in one run on one machine.

Both start from records that are at hand, in memory or in an indexed and analysed table, and end with pairs and triplets
with their angles and common areas. In the database unit vectors and areas are columns already, and areas are planar
there, which is in its favour.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psycopg
import shapely

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from footprints import StereoLimits, find_link_columns, find_triplet_columns, lines_of_sight, pair_columns, pairs_among
from tests.benchmarks.server import running_server
from tests.footprints.stereo_archive import Archive

SEED = 20_240_601
LIMITS = StereoLimits()
WANTED_RATIO = 5.0
WANTED_MIB = 1024.0

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


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and answer 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000, help="acquisitions; the target is for 1000000")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    chosen = parser.parse_args(arguments)
    with running_server() as server:
        # In a process of its own, so that nothing else counts towards its memory.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            in_memory = process.submit(detected_in_memory, chosen.records).result()
        with server.clone() as database, psycopg.connect(database.conninfo("owner"), autocommit=True) as connection:
            in_database = detected_in_database(connection, chosen.records)
    ratio = in_database.seconds / in_memory.seconds
    figures = {
        "records": chosen.records,
        "memory": asdict(in_memory),
        "database": asdict(in_database),
        "ratio": round(ratio, 1),
    }
    print(json.dumps(figures) if chosen.json else _table(figures))  # noqa: T201
    _check_agreement(in_memory, in_database)
    return int(ratio < WANTED_RATIO or (in_memory.peak_mib or 0) > WANTED_MIB)


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


def _table(figures: dict[str, object]) -> str:
    memory, database = (Detection(**figures[way]) for way in ("memory", "database"))  # type: ignore[arg-type]
    return (
        f"{figures['records']:,} acquisitions   pairs   triplets   seconds\n"
        f"in memory  {memory.pairs:>16,} {memory.triplets:>10,} {memory.seconds:>9.2f}\n"
        f"LATERAL SQL{database.pairs:>16,} {database.triplets:>10,} {database.seconds:>9.2f}\n"
        f"ratio {figures['ratio']} (at least {WANTED_RATIO:.0f}), "
        f"peak {memory.peak_mib:.0f} MiB (at most {WANTED_MIB:.0f})"
    )


if __name__ == "__main__":
    sys.exit(main())
