"""The files of the archive: whole, in ranges, checked by ETag, and never one that lies outside."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import ZipFile

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from database import Database
from stac_api import ApiSettings, create_app
from stac_api.access.authorize import Action, Resource
from stac_api.downloads.delivery import answer_with
from stac_api.downloads.held_assets import Copy, HeldAsset
from stac_api.downloads.signatures import AssetName
from stac_api.downloads.storages import Storages
from stac_api.errors import AssetNotFound, AssetNotServed
from tests.stac_api.invented_catalogue import Site, a_collection, an_item, fill, load, problem_of, serving

PMS = "/assets/pleiades/CLEAR/pms"
CONTENT = bytes(range(256)) * 1000
READ_WINDOW = """
import sys
import rasterio
with rasterio.open(sys.argv[1]) as image:
    print(image.read(1, window=((100, 101), (0, 3))).tolist())
"""


def raw_get(site: Site, target: str) -> tuple[int, bytes]:
    """GET a request target as it is: no client tidies the dots away."""
    parts = urlsplit(site.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.putrequest("GET", target, skip_accept_encoding=True)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_asset_hrefs_are_absolute_on_every_route(site: Site) -> None:
    """QGIS resolves a relative href against the search URL: ours are absolute on all four routes, others untouched."""
    items = [
        site.get("/search?ids=CLEAR").json()["features"][0],
        site.post("/search", {"ids": ["CLEAR"]}).json()["features"][0],
        site.get("/collections/pleiades/items?filter=id='CLEAR'").json()["features"][0],
        site.get("/collections/pleiades/items/CLEAR").json(),
    ]
    for item in items:
        assert item["assets"]["pms"]["href"] == site.url + PMS
        assert item["assets"]["wmts"]["href"] == "https://example.org/wmts"


def test_locations_are_not_published(site: Site) -> None:
    """Where the files lie on the server is told by no route."""
    for answer in (site.get("/search?ids=CLEAR"), site.get("/collections/pleiades/items/CLEAR")):
        assert "private" not in answer.text
        assert "file://" not in answer.text


def test_file_is_served_whole(site: Site) -> None:
    """GET gives the bytes, the type of the product and the vendor's file name."""
    answer = site.get(PMS)
    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["Content-Type"] == "image/tiff; application=geotiff"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=utf-8''IMG%20%C3%A9.TIF"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Last-Modified"].endswith("GMT")


def test_head_gives_the_headers_alone(site: Site) -> None:
    """HEAD says the size without a byte of the file."""
    answer = site.request("HEAD", PMS)
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "256000", b"")


@pytest.mark.parametrize(
    ("wanted", "expected", "content_range"),
    [
        ("bytes=0-9", CONTENT[:10], "bytes 0-9/256000"),
        ("Bytes = 0-9", CONTENT[:10], "bytes 0-9/256000"),
        ("bytes=255990-", CONTENT[-10:], "bytes 255990-255999/256000"),
        ("bytes=-5", CONTENT[-5:], "bytes 255995-255999/256000"),
        ("bytes=255999-999999", CONTENT[-1:], "bytes 255999-255999/256000"),
    ],
)
def test_ranges_are_served(site: Site, wanted: str, expected: bytes, content_range: str) -> None:
    """A COG reader gets the bytes that it asks for, uncompressed whatever it accepts."""
    answer = site.get(PMS, headers={"Range": wanted, "Accept-Encoding": "br, gzip"})
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["Content-Range"] == content_range
    assert "Content-Encoding" not in answer.headers


def test_range_beyond_the_end_is_refused(site: Site) -> None:
    """A range that has no byte gets a problem of status 416, and the size."""
    answer = site.get(PMS, headers={"Range": "bytes=256000-"})
    assert (problem_of(answer)["status"], answer.headers["Content-Range"]) == (416, "bytes */256000")


@pytest.mark.parametrize("wanted", ["lines=1-2", "nonsense", "bits=0-7"])
def test_range_in_unknown_units_is_passed_over(site: Site, wanted: str) -> None:
    """Whoever asks for lines gets the file, as RFC 9110 has it."""
    answer = site.get(PMS, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("wanted", ["bytes=abc", "bytes=", "bytes", "bytes=9-3"])
def test_range_that_cannot_be_read_is_refused(site: Site, wanted: str) -> None:
    """A Range header that makes no sense gets a problem that says how to ask."""
    problem = problem_of(site.get(PMS, headers={"Range": wanted}))
    assert (problem["status"], problem["code"]) == (400, "InvalidParameter")
    assert "bytes=0-1023" in problem["detail"]


def test_first_copy_that_is_there_is_served(site: Site) -> None:
    """Copies that are gone, in an archive or elsewhere are passed over, and the type is that of the copy served."""
    answer = site.get("/assets/pleiades/CLEAR/moved")
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, CONTENT, "image/tiff")


def test_unchanged_file_is_not_sent_again(site: Site) -> None:
    """A client that names the current ETag gets 304; a range of another version gets the whole file."""
    etag = site.get(PMS).headers["ETag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        answer = site.get(PMS, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
    assert site.get(PMS, headers={"If-None-Match": '"other"'}).status_code == 200
    assert site.get(PMS, headers={"Range": "bytes=0-9", "If-Range": '"other"'}).status_code == 200


def test_vendor_pages_are_never_pages_of_this_site(site: Site) -> None:
    """An HTML file of a delivery is downloaded, not shown: it could read what the browser holds for this site."""
    answer = site.get("/assets/pleiades/CLEAR/notes")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("key", ["dots", "link", "absolute", "gone", "folder", "wmts", "nothing", "%00", "a b"])
def test_what_is_not_below_its_root_is_not_found(site: Site, key: str) -> None:
    """Dots, symbolic links and absolute paths lead nowhere outside the root, nor do missing files and directories."""
    problem = problem_of(site.get(f"/assets/pleiades/CLEAR/{key}"))
    assert problem["status"] == 404
    assert "/" not in problem["detail"]


@pytest.mark.parametrize(
    "target",
    [
        "/assets/pleiades/CLEAR/../../../../etc/passwd",
        "/assets/pleiades/CLEAR/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/assets/pleiades/%2e%2e/pms",
        "/assets/pleiades/CLEAR/..%5c..%5csecret.txt",
        "/assets/pleiades/CLEAR/pms/..%2fsecret.txt",
        "/assets/pleiades/CLEAR/%252e%252e%252fsecret.txt",
        "/assets//etc/passwd",
        "//etc/passwd",
    ],
)
def test_urls_cannot_traverse(site: Site, target: str) -> None:
    """A URL names an asset, never a path: however it is written, it reaches no file."""
    status, body = raw_get(site, target)
    assert status == 404
    assert b"secret" not in body.replace(b"secret.txt", b"")
    assert b"root:" not in body


def test_files_that_nothing_can_send_are_refused(site: Site) -> None:
    """Files on FTP servers are refused, and the refusal says why."""
    problem = problem_of(site.get("/assets/pleiades/CLEAR/remote"))
    assert (problem["status"], problem["code"]) == (501, "AssetNotServed")
    assert "cannot read" in problem["detail"]


def test_refusal_is_that_of_the_preferred_copy(tmp_path: Path) -> None:
    """Of several copies none of which can be had, the first one says why."""
    gone, remote = Copy(root=tmp_path.as_uri(), path="gone.TIF"), Copy(root="ftp://archive.example", path="x.TIF")
    for copies, refusal in (((gone, remote), AssetNotFound), ((remote, gone), AssetNotServed)):
        with pytest.raises(refusal):
            answer_with(held(*copies), Storages(), is_head=False)


@pytest.mark.parametrize("path", ["x.TIF", "x.zip!/x.TIF"])
def test_files_of_another_machine_are_not_looked_for_here(tmp_path: Path, path: str) -> None:
    """What lies at the same path of this one is another file."""
    (tmp_path / "x.TIF").write_bytes(b"own")
    with ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("x.TIF", b"own")
    there = Copy(root=f"file://elsewhere.example{tmp_path}", path=path)
    with pytest.raises(AssetNotServed, match=r"another server|cannot read"):
        answer_with(held(there), Storages(), is_head=False)
    assert answer_with(held(replace(there, root=tmp_path.as_uri())), Storages(), is_head=False).status_code == 200


def held(*copies: Copy) -> HeldAsset:
    """An image of which there are these copies."""
    name, resource = AssetName(collection="pleiades", item="X", key="pms"), Resource(collection="pleiades")
    return HeldAsset(name=name, copies=copies, href=None, action=Action.DOWNLOAD, resource=resource)


def test_without_rules_there_is_no_file(ruleless_database: Database, archive: Path) -> None:
    """Where no set of rules is in force every file, there or not, is answered as absent, also with --public-assets."""
    fill(ruleless_database, archive)
    with serving(create_app(ApiSettings(public_assets=True), ruleless_database.conninfo("api"))) as site:
        problems = [problem_of(site.get(path)) for path in (PMS, "/assets/x/y/z")]
    assert [each["status"] for each in problems] == [404, 404]
    assert problems[0]["detail"] == problems[1]["detail"]


def test_gdal_reads_a_cog_in_place(serve: Callable[..., Site], database: Database, tmp_path: Path) -> None:
    """GDAL opens the href through /vsicurl/, as QGIS does, and reads a window of it."""
    profile = {"driver": "COG", "width": 600, "height": 600, "count": 1, "dtype": "uint16", "crs": "EPSG:32631"}
    with rasterio.open(tmp_path / "x.tif", "w", transform=Affine(2, 0, 500000, 0, -2, 4800000), **profile) as image:
        image.write(np.tile(np.arange(600, dtype="uint16")[:, None], (1, 600)), 1)
    location = {"root": tmp_path.as_uri(), "path": "x.tif", "media_type": "image/tiff"}
    item = an_item("COG", "c", assets={"pan": {"href": "assets/c/COG/pan"}}, private={"assets": {"pan": [location]}})
    load(database, [a_collection("c", "C", "C")], [item])
    site = serve(public_assets=True)
    href = site.get("/collections/c/items/COG").json()["assets"]["pan"]["href"]
    # In a process of its own: GDAL holds the interpreter while it opens a file, and the server needs it.
    answer = subprocess.run(
        [sys.executable, "-c", READ_WINDOW, f"/vsicurl/{href}"], capture_output=True, text=True, timeout=60, check=True
    )
    assert answer.stdout.strip() == "[[100, 100, 100]]"
