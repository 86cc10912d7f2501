"""The genuine deliveries, from `dinamis harvest` to the Items of the running server, file by file."""

from __future__ import annotations

from email.message import Message
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from xml.etree.ElementTree import parse

import pytest
from pyproj import Geod
from shapely.geometry import shape

from tests.acceptance.command_line import PROJECT, Dinamis
from tests.acceptance.conftest import Harvest, harvested
from tests.acceptance.expected_samples import OUTCOMES, ExpectedSamples
from tests.stac_schemas import validator

Items = dict[str, dict[str, Any]]

#: Azimuth from the target to the satellite (degrees from north) as recomputed from ephemeris or nadir positions
#: (docs/explanation/reading-dimap.md), and by how much the vendor's angles may differ from that.
AZIMUTHS_DEG = {
    "PNEO3_202111071029126": (63.06, 0.05),
    "PNEO3_202111071029456": (128.00, 0.05),
    "PHR1A_202108151541301": (311.7, 0.15),
    "PHR1A_202108201553330": (255.4, 0.15),
    "PHR1A_202108271549303": (268.3, 0.15),
    "PHR1B_201512251537253": (219.0, 0.15),
    "PHR1B_201911060805331": (270.2, 0.15),
    "SPOT7_202011170245179": (271.7, 0.15),
    "SPOT5_200703010711390_170395": (280.1, 0.15),
}

#: Incidence and off-nadir angle, as recomputed there.
ANGLES_DEG = {
    "PNEO3_202111071029126": (21.78, 19.74, 0.02),
    "PNEO3_202111071029456": (19.03, 17.26, 0.02),
    "PHR1A_202108271549303": (28.52, 25.49, 0.15),
}


def test_every_sample_file_is_in_exactly_one_row(expected: ExpectedSamples) -> None:
    """The table speaks of each file once, and none of its rows is idle."""
    assert expected.times_matched() == dict.fromkeys(expected.files, 1)
    assert {row for _, row in expected.matches} == set(expected.rows)
    assert {row.outcome for row in expected.rows} == OUTCOMES


def test_each_product_is_taken_in(first_harvest: Harvest, expected: ExpectedSamples) -> None:
    """As many records are new as the table has products, and they make as many Items as it names."""
    report = first_harvest.report
    assert first_harvest.finished.code == 1, "some records are refused"
    assert report["new"] == len(expected.expected("item")) == 14
    stereo_sets = 1  # the two views of Pléiades Neo 3
    assert report["items_written"] == len(expected.items()) + stereo_sets == 11
    assert (report["changed"], report["unchanged"], report["items_removed"]) == (0, 0, 0)


def test_each_refusal_is_the_expected_one(first_harvest: Harvest, expected: ExpectedSamples) -> None:
    """The refused records are the files of the table, each for its reason."""
    refused = expected.expected("refused")
    reasons = {}
    for refusal in first_harvest.report["refusals"]:
        (file,) = (file for file in expected.files if refusal["record"].endswith("/samples/dimap/" + file))
        reasons[file] = refusal["reason"]
    assert set(reasons) == set(refused)
    assert first_harvest.report["quarantined"] == len(refused)
    wrong = {file: reasons[file] for file, fragment in refused.items() if fragment not in reasons[file]}
    assert not wrong


def test_every_file_is_accounted_for(first_harvest: Harvest, expected: ExpectedSamples) -> None:
    """Records and files that were passed over make up all files."""
    report = first_harvest.report
    assert report["read"] == report["new"] + report["quarantined"]
    assert report["read"] + sum(report["passed_over"].values()) == len(expected.files)


def test_each_refusal_is_printed_with_its_file(first_harvest: Harvest, expected: ExpectedSamples) -> None:
    """On the screen each refused file has a line that names it."""
    lines = [line for line in first_harvest.finished.out.splitlines() if line.startswith("refused ")]
    named = {line.removeprefix("refused ").split(": ")[0] for line in lines}
    assert named == set(expected.expected("refused"))


def test_catalogue_holds_the_expected_items_and_no_other(served_items: Items, expected: ExpectedSamples) -> None:
    """The server has exactly the Items of the table."""
    assert set(served_items) == expected.items()


def test_each_item_serves_its_files(served_items: Items, expected: ExpectedSamples) -> None:
    """Behind the assets of an Item are exactly the files that the table gives it, with their sizes as stated."""
    for item_id, item in served_items.items():
        headers = {key: head(asset["href"]) for key, asset in item["assets"].items()}
        names = sorted(str(header.get_filename()) for header in headers.values())
        wanted = [file.rpartition("/")[2] for file in expected.files_of(item_id, "item", "asset")]
        assert names == sorted(wanted), item_id
        sizes = {key: int(header["Content-Length"]) for key, header in headers.items()}
        assert sizes == {key: asset["file:size"] for key, asset in item["assets"].items()}, item_id


def test_items_are_valid_as_served(served_items: Items, schemas: Path) -> None:
    """What the server sends passes the published schemas of STAC and of each extension that it names."""
    for item in served_items.values():
        validator(schemas)(item)


def test_collections_are_valid_as_served(client: Any, schemas: Path) -> None:
    """Each published Collection passes the schemas, after the harvest has refreshed its extent and summaries."""
    documents = [collection.to_dict(transform_hrefs=False) for collection in client.get_collections()]
    assert len(documents) == 28
    for document in documents:
        validator(schemas)(document)


def test_footprint_has_the_surface_that_the_product_states(
    served_items: Items, expected: ExpectedSamples, dimap: Path
) -> None:
    """Where there is a region of interest, the footprint's geodesic area is within 1 % of SURFACE_AREA."""
    ellipsoid = Geod(ellps="WGS84")
    compared = 0
    for product, item_id in expected.expected("item").items():
        if any(key.startswith("mask-roi") for key in served_items[item_id]["assets"]):
            area_m2, _ = ellipsoid.geometry_area_perimeter(shape(served_items[item_id]["geometry"]))
            assert area_m2 / 1e6 == pytest.approx(surface_area_km2(dimap / product), rel=0.01), product
            compared += 1
    assert compared == 11


def test_azimuth_runs_from_target_to_satellite(served_items: Items) -> None:
    """`view:azimuth` agrees with the positions of the satellite, whatever the vendor's convention."""
    azimuths = {item_id: item["properties"]["view:azimuth"] for item_id, item in served_items.items()}
    wrong = {
        item_id: azimuths[item_id]
        for item_id, (azimuth, tolerance) in AZIMUTHS_DEG.items()
        if azimuths[item_id] != pytest.approx(azimuth, abs=tolerance)
    }
    assert not wrong


def test_angles_agree_with_the_ephemeris(served_items: Items) -> None:
    """Incidence and off-nadir angle are those that follow from the positions of the satellite."""
    for item_id, (incidence, off_nadir, tolerance) in ANGLES_DEG.items():
        properties = served_items[item_id]["properties"]
        assert properties["view:incidence_angle"] == pytest.approx(incidence, abs=tolerance), item_id
        assert properties["view:off_nadir"] == pytest.approx(off_nadir, abs=tolerance), item_id


def test_second_harvest_changes_nothing_and_says_so(
    dinamis: Dinamis, dimap: Path, first_harvest: Harvest, served_items: Items
) -> None:
    """Read again, every product is unchanged, every refusal is repeated, and no Item is written."""
    again = harvested(dinamis, dimap)
    report = again.report
    assert (report["new"], report["changed"], report["unchanged"]) == (0, 0, first_harvest.report["new"])
    assert (report["items_written"], report["items_removed"]) == (0, 0)
    assert report["refusals"] == first_harvest.report["refusals"]
    assert again.finished.code == 1
    assert "Nothing else has changed" in again.finished.out


def test_same_files_by_another_path_are_the_same_records(dinamis: Dinamis, dimap: Path, first_harvest: Harvest) -> None:
    """A path with `..` in it leads to the same records as the plain one."""
    again = harvested(dinamis, f"../{PROJECT.name}/../{dimap.relative_to(PROJECT.parent)}")
    assert (again.report["new"], again.report["unchanged"]) == (0, first_harvest.report["new"])


def test_dry_run_writes_nothing(dinamis: Dinamis, dimap: Path, first_harvest: Harvest) -> None:
    """With --dry-run records are counted as if they moved, and the next harvest finds nothing changed."""
    dry = harvested(dinamis, dimap, "--dry-run", "--collection", "spot-1-5-france", "--move", "--limit", "5")
    assert (dry.report["dry_run"], dry.report["read"]) == (True, 5)
    assert "dry run: nothing was written" in " ".join(dry.finished.out.split())
    after = harvested(dinamis, dimap)
    assert (after.report["unchanged"], after.report["items_written"]) == (first_harvest.report["new"], 0)


def test_another_collection_is_refused_unless_said_to_move(
    dinamis: Dinamis, dimap: Path, first_harvest: Harvest
) -> None:
    """A changed mind about the collection must be said: without --move the Item stays and the reason names it."""
    other = harvested(dinamis, dimap / "geotoolkit", "--dry-run", "--collection", "spot-1-5-france")
    (refusal,) = other.report["refusals"]
    assert other.finished.code == 1
    assert "spot-world-heritage" in refusal["reason"]
    assert "--move" in refusal["reason"]


def head(url: str) -> Message:
    """The headers of a file."""
    with urlopen(Request(url, method="HEAD"), timeout=10) as answer:
        assert answer.status == 200
        headers: Message = answer.headers
        return headers


def surface_area_km2(product: Path) -> float:
    """What the vendor's own metadata state."""
    (element,) = parse(product).iter("SURFACE_AREA")
    assert dict[str, str](element.attrib) == {"unit": "square km"}
    return float(str(element.text))
