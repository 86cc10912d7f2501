"""Files in object storages: the way there for a few minutes, and nothing of our credentials on it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from database import Database
from stac_api.downloads.held_assets import Copy
from stac_api.downloads.storages import Storages
from tests.emulators.serving import serving as serving_on_loopback
from tests.harvester.sources.file_servers import PASSWORD, USER, s3_client, s3_server
from tests.stac_api.downloads.protected_catalogue import Gate, guarded, held_item, query_of
from tests.stac_api.downloads.test_clients import READ_ROW, run
from tests.stac_api.invented_catalogue import load, problem_of

STORED = "/assets/members/STORED/pan"
MISSING = "/assets/members/MISSING/pan"
NOT_SET = "/assets/members/NOT-SET/pan"
WATCHED = "/assets/members/WATCHED/pan"


class Watched:
    """A hosting infrastructure that notes which headers clients bring to it."""

    def __init__(self, file: Path) -> None:
        self.file, self.headers = file, list[dict[str, str]]()

    async def answer(self, request: Request) -> Response:
        """Any range of the file."""
        self.headers.append(dict(request.headers))
        content = self.file.read_bytes()
        if "range" not in request.headers:
            return Response(content)
        first, last = request.headers["range"].removeprefix("bytes=").split("-")
        end = min(int(last), len(content) - 1)
        headers = {"Content-Range": f"bytes {first}-{end}/{len(content)}"}
        return Response(content[int(first) : end + 1], 206, headers)


@contextmanager
def _watched(file: Path) -> Iterator[tuple[str, Watched]]:
    watched = Watched(file)
    with serving_on_loopback(Starlette(routes=[Route("/{path:path}", watched.answer, methods=["GET", "HEAD"])])) as url:
        yield url, watched


@pytest.fixture(scope="module")
def watched(guarded_archive: Path) -> Iterator[tuple[str, Watched]]:
    """The hosting infrastructure and what came to it."""
    with _watched(guarded_archive / "pan.tif") as running:
        yield running


@pytest.fixture(scope="module")
def gate(module_database: Database, guarded_archive: Path, watched: tuple[str, Watched]) -> Iterator[Gate]:
    """A server whose images lie in a bucket, its keys in the environment, and at the hosting infrastructure."""
    with pytest.MonkeyPatch.context() as environment, s3_server("images") as storage:
        environment.setenv("DINAMIS_STORAGE_IMAGES_ENDPOINT", storage)
        environment.setenv("DINAMIS_STORAGE_IMAGES_USER", USER)
        environment.setenv("DINAMIS_STORAGE_IMAGES_PASSWORD", PASSWORD)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            environment.delenv(name, raising=False)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(guarded_archive / "none"))
        client = s3_client(storage)
        client.put_object(
            Bucket="images", Key="deliveries/job é/pan.tif", Body=(guarded_archive / "pan.tif").read_bytes()
        )
        client.close()
        roots = {
            "STORED": ("s3://images/deliveries", "job é/pan.tif"),
            "MISSING": ("s3://images/deliveries", "gone.tif"),
            "NOT-SET": ("s3://other-bucket/deliveries", "pan.tif"),
            "WATCHED": (f"{watched[0]}/data", "a b#1%2F/pan.tif"),
        }
        with guarded(module_database, guarded_archive) as running:
            items = []
            for name, (root, path) in roots.items():
                item = held_item("members", name, root)
                item["private"]["assets"]["pan"][0]["path"] = path
                items.append(item)
            load(module_database, [], items)
            yield running


def test_entitled_are_sent_to_the_storage(gate: Gate) -> None:
    """The answer is the way to the file in its bucket, for a quarter of an hour, kept by nobody, and recorded."""
    answer = gate.get(STORED, gate.ada)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (307, "private, no-store")
    query = query_of(answer.headers["Location"])
    assert query["X-Amz-Expires"] == "900"
    assert query["response-content-disposition"] == "attachment; filename*=utf-8''pan.tif"
    assert requests.get(answer.headers["Location"], timeout=20).content == (gate.archive / "pan.tif").read_bytes()
    assert [(each["item"], each["bytes"]) for each in gate.events()] == [("STORED", None)]


@pytest.mark.parametrize("path", [STORED, WATCHED])
def test_others_learn_nothing_of_the_storage(gate: Gate, watched: tuple[str, Watched], path: str) -> None:
    """Who may not have the file is not told where it lies, be that a bucket or the hosting infrastructure."""
    for who, status in ((None, 401), (gate.bob, 403)):
        answer = gate.get(path, who)
        assert answer.status_code == status
        assert "images" not in answer.text
        assert watched[0] not in answer.text
        assert "Location" not in answer.headers


def test_secret_of_the_storage_stays_here(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the address nor the log has the secret."""
    with caplog.at_level(logging.DEBUG):
        address = gate.get(STORED, gate.ada).headers["Location"]
    assert PASSWORD not in address
    assert PASSWORD not in caplog.text


def test_address_is_below_the_endpoint_that_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a bucket beside AWS the bucket is in the path, not in a host name, and its password may stand in a file."""
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    for name, value in (
        ("ENDPOINT", "https://s3.example.org"),
        ("USER", USER),
        ("PASSWORD_FILE", tmp_path / "password"),
    ):
        monkeypatch.setenv(f"DINAMIS_STORAGE_MY_BUCKET_{name}", str(value))
    copy = Copy(root="s3://my-bucket/job%20%C3%A9", path="x.tif", media_type="image/tiff")
    address = Storages().presigned(copy, file_name="x.tif")
    assert address.startswith("https://s3.example.org/my-bucket/job%20%C3%A9/x.tif?")
    assert query_of(address)["response-content-type"] == "image/tiff"


def test_head_is_answered_here(gate: Gate) -> None:
    """HEAD tells size and ETag without a redirect: what is signed for GET does not answer it."""
    answer = gate.request("HEAD", STORED, gate.ada)
    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) == (gate.archive / "pan.tif").stat().st_size
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"].startswith('"')
    assert "geotiff" in answer.headers["Content-Type"]
    assert gate.request("HEAD", MISSING, gate.ada).status_code == 404


def test_bucket_that_nobody_set_up_is_told_to_the_operator(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    """Without keys there is no way to a file: the client gets a 501, the log the name of the bucket."""
    problem = problem_of(gate.get(NOT_SET, gate.ada))
    assert (problem["status"], problem["code"]) == (501, "AssetNotServed")
    assert "other-bucket" not in problem["detail"]
    assert "other-bucket" in caplog.text


@pytest.mark.parametrize("how", ["basic", "signed"])
def test_gdal_reads_a_cog_in_the_storage(gate: Gate, how: str) -> None:
    """GDAL follows the way for each range, from an address with user and password and from a signed one."""
    plain = gate.site.url.replace("://", f"://{gate.ada.key.id}:{gate.ada.key.secret}@") + STORED
    url = plain if how == "basic" else gate.signed(STORED, gate.ada)
    assert run(READ_ROW, f"/vsicurl/{url}") == "[[100, 100, 100]]"


def test_file_at_the_hosting_infrastructure_is_redirected_to(gate: Gate, watched: tuple[str, Watched]) -> None:
    """A file that was harvested over HTTP is had from there, its name written as an address has it."""
    answer = gate.get(WATCHED, gate.ada)
    assert (answer.status_code, answer.headers["Location"]) == (307, f"{watched[0]}/data/a%20b%231%252F/pan.tif")


@pytest.mark.parametrize("how", ["in the address", "as an option", "signed"])
def test_libcurl_takes_no_password_to_the_storage(gate: Gate, watched: tuple[str, Watched], how: str) -> None:
    """On the way GDAL leaves Basic behind, as libcurl does between hosts: neither it nor a signature arrives."""
    watched[1].headers.clear()
    pair = f"{gate.ada.key.id}:{gate.ada.key.secret}"
    options = {"GDAL_HTTP_USERPWD": pair, "GDAL_HTTP_AUTH": "BASIC"} if how == "as an option" else {}
    own = gate.site.url.replace("127.0.0.1", "localhost")
    url = {
        "in the address": own.replace("://", f"://{pair}@") + WATCHED,
        "as an option": own + WATCHED,
        "signed": gate.signed(WATCHED, gate.ada),
    }[how]
    assert run(READ_ROW, f"/vsicurl/{url}", **options) == "[[100, 100, 100]]"
    assert watched[1].headers
    for headers in watched[1].headers:
        assert "authorization" not in headers
        assert "referer" not in headers


@pytest.mark.parametrize("root", ["s3://images/deliveries", "http://hosting.example.org/data"])
def test_dots_lead_out_of_no_storage(gate: Gate, root: str) -> None:
    """A path with dots, which clients tidy away on their way, is signed and redirected to nowhere."""
    item = held_item("members", "DOTS", root)
    item["private"]["assets"]["pan"][0]["path"] = "../../other/pan.tif"
    load(gate.database, [], [item])
    assert gate.get("/assets/members/DOTS/pan", gate.ada).status_code == 404
