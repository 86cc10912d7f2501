"""Attack: a delivery brings symbolic links, so that an asset is a file elsewhere on the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from database import Database
from tests.stac_api.downloads.protected_catalogue import Gate, guarded, held_item, write_archive
from tests.stac_api.invented_catalogue import load, problem_of


@pytest.fixture(scope="module")
def linked(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """A server over deliveries that hold links."""
    folder = tmp_path_factory.mktemp("linked")
    archive, outside = folder / "archive", folder / "outside"
    for each in (archive / "delivery", outside):
        each.mkdir(parents=True)
    write_archive(archive)
    (outside / "pan.tif").write_text("secret")
    (archive / "delivery" / "file.tif").symlink_to(outside / "pan.tif")
    (archive / "delivery" / "folder").symlink_to(outside)
    (archive / "delivery" / "chain.tif").symlink_to("file.tif")
    (archive / "delivery" / "loop.tif").symlink_to("loop.tif")
    (archive / "delivery" / "inside.tif").symlink_to(archive / "pan.tif")
    (archive / "delivery" / "device.tif").symlink_to("/dev/zero")
    with guarded(module_database, archive) as gate:
        load(module_database, [], [_item(name, path, archive) for name, path in PATHS.items()])
        yield gate


PATHS = {
    "FILE": "delivery/file.tif",
    "FOLDER": "delivery/folder/pan.tif",
    "CHAIN": "delivery/chain.tif",
    "LOOP": "delivery/loop.tif",
    "DEVICE": "delivery/device.tif",
    "INSIDE": "delivery/inside.tif",
}


def _item(name: str, path: str, archive: Path) -> dict[str, object]:
    item = held_item("members", name, archive.as_uri())
    item["private"]["assets"]["pan"][0]["path"] = path
    return item


@pytest.mark.parametrize("name", [each for each in PATHS if each != "INSIDE"])
def test_links_out_of_the_archive_lead_nowhere(linked: Gate, name: str) -> None:
    """A file, a folder, a chain, a loop or a device behind a link is answered as missing, to the entitled too."""
    answer = linked.get(f"/assets/members/{name}/pan", linked.ada)
    assert problem_of(answer)["status"] == 404
    assert "secret" not in answer.text


def test_links_within_the_archive_are_followed(linked: Gate) -> None:
    """Archives that keep one copy of a file and link to it are served."""
    assert linked.get("/assets/members/INSIDE/pan", linked.ada).status_code == 200
