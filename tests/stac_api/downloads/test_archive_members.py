"""Files inside zip archives: had whole, by the same rules and with the same record as any other."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile

import pytest

from tests.stac_api.downloads.protected_catalogue import Gate, held_item
from tests.stac_api.invented_catalogue import load, problem_of

CONTENT = bytes(range(256)) * 10_000
MEMBERS = {"STORED": ZIP_STORED, "DEFLATED": ZIP_DEFLATED, "LZMA": ZIP_LZMA}

PLACES = {
    **{name: f"delivery.zip!/IMG/{name}.TIF" for name in MEMBERS},
    "GONE": "delivery.zip!/IMG/GONE.TIF",
    "NO-ARCHIVE": "nothing.zip!/x",
    "OUTSIDE": "../outside.zip!/x",
    "LINKED": "linked.zip!/x",
    "NESTED": "delivery.zip!/inner.zip!/x",
    "TAR": "delivery.tar!/x",
    "TRUNCATED": "truncated.zip!/x",
    "ENCRYPTED": "encrypted.zip!/x",
    "RARE": "rare.zip!/x",
    "OTHER": "other.zip!/x",
}


def archived(name: str, content: bytes, method: int = ZIP_STORED) -> bytes:
    """A zip of one member."""
    written = BytesIO()
    with ZipFile(written, "w", method) as archive:
        archive.writestr(name, content)
    return written.getvalue()


#: What both headers of a member say of it: where in the local and in the central one, and how it is marked there.
ENCRYPTED = 6, 8, 1
PACKED_BY_WAVPACK = 8, 10, 97


def marked(archive: bytes, local: int, central: int, bits: int) -> bytes:
    """The same, its only member marked in both of its headers."""
    made = bytearray(archive)
    for signature, place in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        made[archive.index(signature) + place] |= bits
    return bytes(made)


@pytest.fixture(scope="module")
def packed(gate: Gate) -> Iterator[Gate]:
    """The server over archives good and bad."""
    folder = gate.archive
    with ZipFile(folder / "delivery.zip", "w") as delivery:
        for name, method in MEMBERS.items():
            delivery.writestr(f"IMG/{name}.TIF", CONTENT, method)
        delivery.writestr("inner.zip", archived("x", b"inner"))
    (folder / "other.zip").write_bytes(archived("x", CONTENT[::-1]))
    outside = folder.parent / "outside.zip"
    outside.write_bytes(archived("x", b"secret"))
    (folder / "linked.zip").symlink_to(outside)
    (folder / "truncated.zip").write_bytes(archived("x", CONTENT)[:-30])
    (folder / "encrypted.zip").write_bytes(marked(archived("x", CONTENT), *ENCRYPTED))
    (folder / "rare.zip").write_bytes(marked(archived("x", CONTENT), *PACKED_BY_WAVPACK))
    with tarfile.open(folder / "delivery.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("x"), BytesIO())
    items = [held_item("members", name, folder.as_uri()) for name in PLACES]
    for item, path in zip(items, PLACES.values(), strict=True):
        item["private"]["assets"]["pan"][0]["path"] = path
    load(gate.database, [], items)
    yield gate
    for file in ("delivery.zip", "linked.zip", "truncated.zip", "encrypted.zip", "delivery.tar"):
        Path(folder / file).unlink()


@pytest.mark.parametrize("name", MEMBERS)
def test_member_is_sent_whole(packed: Gate, name: str) -> None:
    """However it is packed it comes as it was, under its own name; a range of it is not to be had, and that is said."""
    address = f"/assets/members/{name}/pan"
    told = packed.request("HEAD", address, packed.ada)
    for headers in ({}, {"Range": "bytes=0-9"}):
        answer = packed.get(address, packed.ada, headers=headers)
        assert (answer.status_code, answer.content == CONTENT) == (200, True)
        assert answer.headers["accept-ranges"] == "none"
        assert answer.headers["content-disposition"].endswith(f"{name}.TIF")
        assert answer.headers["cache-control"] == "private, no-store"
        assert {key: told.headers[key] for key in ("etag", "content-length", "content-type")} == {
            key: answer.headers[key] for key in ("etag", "content-length", "content-type")
        }
    known = {"If-None-Match": told.headers["etag"]}
    assert packed.get(address, packed.ada, headers=known).status_code == 304
    assert packed.get("/assets/members/OTHER/pan", packed.ada, headers=known).content == CONTENT[::-1]


def test_member_is_given_out_by_the_rules_and_recorded(packed: Gate) -> None:
    """Who did not sign the licence does not get it; who did is in the record, with its size."""
    packed.forget()
    address = "/assets/members/DEFLATED/pan"
    assert packed.get(address, packed.bob).status_code == 403
    assert packed.get(address).status_code == 401
    assert packed.get(packed.signed(address, packed.ada)).content == CONTENT
    event = packed.events()[-1]
    assert (event["item"], event["bytes"], event["grant_id"] is None) == ("DEFLATED", len(CONTENT), False)


@pytest.mark.parametrize("name", ["GONE", "NO-ARCHIVE", "OUTSIDE", "LINKED"])
def test_what_is_not_below_the_root_is_not_there(packed: Gate, name: str) -> None:
    """A member or an archive that has gone, and an archive beside the root or behind a link, are 404."""
    answer = packed.get(f"/assets/members/{name}/pan", packed.ada)
    assert problem_of(answer)["status"] == 404
    assert "secret" not in answer.text


@pytest.mark.parametrize("name", ["NESTED", "TAR", "TRUNCATED", "ENCRYPTED", "RARE"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_cannot_be_unpacked_is_refused_before_anything_is_sent(packed: Gate, name: str, method: str) -> None:
    """Archives in archives, tars, damaged, encrypted and oddly packed ones are 501, which says what to do."""
    answer = packed.request(method, f"/assets/members/{name}/pan", packed.ada)
    assert answer.status_code == 501
    assert method == "HEAD" or "unpack" in problem_of(answer)["detail"]
