"""The walk over a directory: every product once, everything else accounted for."""

from __future__ import annotations

import errno
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from harvester.errors import SourceUnavailable
from harvester.rasters import write_cog
from harvester.sample_archive import DeliverySpec, View, write_delivery
from harvester.sources.deliveries.source import Limits, Options
from harvester.sources.source import Progress
from tests.harvester.sources.delivery_files import (
    RPC,
    delivery,
    pages_of,
    problems_of,
    product,
    records_of,
    tarred,
    volume,
    write,
    zipped,
)


def test_product_comes_with_its_mask_strip_and_files(tmp_path: Path) -> None:
    """A record holds the product, its ROI mask and strip lineage byte for byte, and the sizes of files that exist."""
    files = delivery()
    write(tmp_path / "job", files)
    (record,) = records_of(tmp_path)
    assert record.id == f"{tmp_path.as_uri()}/job/IMG_001/DIM.XML"
    assert record.content["root"] == tmp_path.as_uri()
    assert record.content["path"] == "job/IMG_001/DIM.XML"
    documents = {role: text.encode("utf-8", "surrogateescape") for role, text in record.content["documents"].items()}
    assert documents == {
        "product": files["IMG_001/DIM.XML"],
        "roi": files["IMG_001/MASKS/ROI_MSK.GML"],
        "strip": files["IMG_001/LINEAGE/STRIP_DIM.XML"],
    }
    assert record.content["files"]["IMG.TIF"] == {"size": 1, "cog": False}
    assert set(record.content["files"]) == {"IMG.TIF", "MASKS/ROI_MSK.GML", "LINEAGE/STRIP_DIM.XML"}
    assert record.content["problem"] is None
    assert record.serialised().isascii()


def test_image_that_is_a_cog_is_said_so(tmp_path: Path) -> None:
    """A Cloud Optimized GeoTIFF is recognised in its header; what is missing or no file is not listed."""
    write(tmp_path, {"DIM.XML": product(("IMG.TIF", "absent.TIF", "folder.TIF")), "folder.TIF/x": b""})
    write_cog(tmp_path / "IMG.TIF", np.ones((1, 32, 32), np.uint16), (1, 0, 0, 0, -1, 0), "EPSG:32631")
    (record,) = records_of(tmp_path)
    assert record.content["files"] == {"IMG.TIF": {"size": (tmp_path / "IMG.TIF").stat().st_size, "cog": True}}


def test_everything_seen_is_counted(tmp_path: Path) -> None:
    """Companions, other XML and other files are no records, and their numbers are told."""
    write(tmp_path / "job", delivery())
    progress = Progress()
    records_of(tmp_path, progress=progress)
    assert progress.passed_over == {
        "DIMAP documents that belong to a product": 3,
        "XML files that are not DIMAP": 1,
        "other files": 2,
    }
    assert (progress.records, progress.at_hand) == (1, "7 files in 6 folders seen")


def test_names_with_spaces_and_accents_are_read(tmp_path: Path) -> None:
    """Names are free; the id is a proper URL, the path is the name itself."""
    write(tmp_path / "livraison n° 1 été", {"DIM #1?.xml": product(("IMG à b.TIF",)), "IMG à b.TIF": b"\n"})
    (record,) = records_of(tmp_path)
    assert record.id == tmp_path.as_uri() + "/livraison%20n%C2%B0%201%20%C3%A9t%C3%A9/DIM%20%231%3F.xml"
    assert record.content["path"] == "livraison n° 1 été/DIM #1?.xml"
    assert record.content["files"] == {"IMG à b.TIF": {"size": 1, "cog": False}}


def test_name_that_is_not_utf_8_is_refused_with_its_place(tmp_path: Path) -> None:
    """A name in another encoding cannot stand in a catalogue: its record says so, in text that can."""
    directory = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(directory)  # noqa: PTH102 -- a name of bytes
    Path(os.fsdecode(directory), "DIM.XML").write_bytes(product())
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/DIM\xff.XML")).write_bytes(product())
    records = records_of(tmp_path)
    assert [record.id for record in records] == [f"{tmp_path.as_uri()}/DIM%FF.XML", f"{tmp_path.as_uri()}/caf%E9"]
    assert all("rename" in record.content["problem"] for record in records)
    assert [record.content["path"] for record in records] == [r"DIM\xff.XML", r"caf\xe9"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty (0 bytes)"),
        (product(comment="x" * 5000), "larger than 4000 bytes"),
        (b"<Dimap_Document/>" + b" " * 5000, "larger than 4000 bytes"),
    ],
)
def test_empty_or_oversized_metadata_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    """A metadata file of 0 bytes or beyond the limit becomes a record that says so."""
    write(tmp_path, {"DIM.XML": content})
    assert reason in (problems_of(tmp_path, Limits(document_bytes=4000))["DIM.XML"] or "")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n", b"<html/>", b"<a>", b"<xml>" + b"x" * 5000, b"\xff\xfe<\x00a\x00"])
def test_file_that_is_not_dimap_is_counted_and_no_record(tmp_path: Path, content: bytes) -> None:
    """XML of others, and files that only have the suffix, are counted whatever their size."""
    write(tmp_path, {"other.xml": content})
    progress = Progress()
    assert records_of(tmp_path, Limits(document_bytes=4000), progress=progress) == []
    assert progress.passed_over == {"XML files that are not DIMAP": 1}


def test_truncated_product_is_a_record_with_its_problem(tmp_path: Path) -> None:
    """A product cut in the middle is a record, refused by its reading, and the others go on."""
    write(tmp_path, {"a/DIM.XML": product()[:300], "b/DIM.XML": product()})
    problems = problems_of(tmp_path)
    assert "not well-formed" in (problems["a/DIM.XML"] or "")
    assert problems["b/DIM.XML"] is None


def test_entity_bomb_is_refused(tmp_path: Path) -> None:
    """A document with entities is refused and never expanded."""
    bomb = b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + product()
    write(tmp_path, {"DIM.XML": bomb, "VOL.XML": bomb.replace(b">PRODUCT<", b">SINGLE_VOLUME<")})
    problems = problems_of(tmp_path)
    assert set(problems) == {"DIM.XML", "VOL.XML"}
    assert all("safe XML" in (problem or "") for problem in problems.values())


def test_image_outside_the_product_is_refused(tmp_path: Path) -> None:
    """A product that names a file above itself is refused, and that file is not even measured."""
    write(tmp_path, {"secret.TIF": b"x", "job/DIM.XML": product(("../secret.TIF",))})
    (record,) = records_of(tmp_path)
    assert "../secret.TIF" in record.content["problem"]
    assert record.content["files"] == {}


def test_oversized_mask_is_the_problem_of_its_product(tmp_path: Path) -> None:
    """A mask beyond the limit is not read; the record says which."""
    write(tmp_path, {"DIM.XML": product(), "MASKS/ROI_MSK.GML": b"x" * 3000})
    (record,) = records_of(tmp_path, Limits(document_bytes=2000))
    assert "MASKS/ROI_MSK.GML" in record.content["problem"]
    assert set(record.content["documents"]) == {"product"}


def cloudy() -> bytes:
    """A product whose mask is one of clouds."""
    return product().replace(b"Area of interest (ROI)", b"Cloud_Cotation (CLD)")


def test_product_comes_with_its_cloud_mask(tmp_path: Path) -> None:
    """The mask of clouds is among the documents of a record, byte for byte."""
    write(tmp_path, {"DIM.XML": cloudy(), "MASKS/ROI_MSK.GML": b"<Mask>\xe9</Mask>"})
    (record,) = records_of(tmp_path)
    assert record.content["documents"]["clouds"].encode("utf-8", "surrogateescape") == b"<Mask>\xe9</Mask>"
    assert record.content["problem"] is None


def test_oversized_cloud_mask_is_no_problem_of_its_product(tmp_path: Path) -> None:
    """A cloud mask beyond the limit is left unread, wherever the source looked from, and the product is read."""
    write(tmp_path / "job", {"DIM.XML": cloudy(), "MASKS/ROI_MSK.GML": b"x" * 3000})
    (record,) = records_of(tmp_path, Limits(cloud_mask_bytes=2000))
    assert record.content["problem"] is None
    assert set(record.content["documents"]) == {"product"}
    assert record.content["unread"] == {"clouds": "MASKS/ROI_MSK.GML is larger than 2000 bytes; deliver it again"}
    (below,) = records_of(tmp_path / "job", Limits(cloud_mask_bytes=2000))
    assert below.digest() == record.digest()


def test_companion_without_its_product_is_refused(tmp_path: Path) -> None:
    """An RPC or lineage document with no product beside or above it is a record that says what is missing."""
    write(tmp_path, {"a/RPC_1.XML": RPC, "a/RPC_2.XML": RPC, "b/STRIP.XML": RPC.replace(b">RPC<", b">STRIP<")})
    write(tmp_path / "c", delivery())
    problems = problems_of(tmp_path)
    assert set(problems) == {"a/RPC_1.XML", "a/RPC_2.XML", "b/STRIP.XML", "c/IMG_001/DIM.XML"}
    assert "an RPC model without its product (DIM_*.XML)" in (problems["a/RPC_1.XML"] or "")
    assert "kind STRIP without its product" in (problems["b/STRIP.XML"] or "")


def test_volume_without_its_product_names_what_is_missing(tmp_path: Path) -> None:
    """A volume is a record only when something that it names is missing, at every level of nesting."""
    write(
        tmp_path,
        {
            "LIST.XML": volume("PROD/PROD.XML"),
            "PROD/PROD.XML": volume("VOL/VOL.XML"),
            "PROD/VOL/VOL.XML": volume("IMG_1/DIM_1.XML", "IMG_2/DIM_2.XML"),
            "PROD/VOL/IMG_1/DIM_1.XML": product(),
        },
    )
    problems = problems_of(tmp_path)
    assert set(problems) == {"PROD/VOL/IMG_1/DIM_1.XML", "PROD/VOL/VOL.XML"}
    assert "IMG_2/DIM_2.XML" in (problems["PROD/VOL/VOL.XML"] or "")
    assert "IMG_1/DIM_1.XML" not in (problems["PROD/VOL/VOL.XML"] or "")


@pytest.fixture(scope="module")
def ortho(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A delivery as Airbus makes it, with volume, product and lineage; tests copy it."""
    view = View(datetime(2022, 5, 4, 10, 40, 12, tzinfo=UTC), 255.4, 18.5, 183.0)
    spec = DeliverySpec(views=(view,), level="ORTHO", rows=64, cols=64, pixel_m=8.0)
    return write_delivery(tmp_path_factory.mktemp("ortho"), spec)


def damaged(data: bytes) -> dict[str, bytes]:
    """What may become of a metadata file: by damage to what it says."""
    return {
        "zeros": bytes(len(data)),
        "noise": bytes((number * 7919 + 13) % 251 for number in range(4000)),
        "ten bytes": data[:10],
        "another root": data.replace(b"Dimap_Document", b"Other_Document"),
    }


@pytest.mark.parametrize("damage", damaged(b""))
@pytest.mark.parametrize("left", ["everything", "no volume", "no lineage", "nothing else"])
def test_damaged_product_is_refused(tmp_path: Path, ortho: Path, damage: str, left: str) -> None:
    """A product that is no DIMAP any more is refused by its name, and named by the volume and companions left of it."""
    delivered = Path(shutil.copytree(ortho, tmp_path / "job"))
    (product_file,) = delivered.rglob("DIM_*.XML")
    product_file.write_bytes(damaged(product_file.read_bytes())[damage])
    gone = {"no volume": "VOL_*", "no lineage": "LINEAGE/*", "nothing else": "[!D]*.*"}.get(left, "none")
    for file in delivered.rglob(gone):
        file.unlink()
    problems = problems_of(tmp_path)
    assert "deliver it again" in (problems[product_file.relative_to(tmp_path).as_posix()] or "")
    assert all(product_file.name in (problem or "") for problem in problems.values())
    assert any("VOL_" in path for path in problems) == (left in {"everything", "no lineage"})
    assert left != "nothing else" or len(problems) == 1


@pytest.mark.parametrize("name", ["METADATA.DIM", "metadata.dim", "DIM_PHR1A.XML", "dim_1.xml"])
def test_file_with_the_name_of_a_product_must_be_one(tmp_path: Path, name: str) -> None:
    """Whatever else stands in a file that is named as a product's metadata is refused."""
    write(tmp_path, {name: b"<html/>"})
    assert "has the name of a product" in (problems_of(tmp_path)[name] or "")


def test_product_that_breaks_off_behind_a_long_comment_is_refused(tmp_path: Path) -> None:
    """Text that has the root of DIMAP anywhere but cannot be parsed is refused, whatever its name."""
    write(tmp_path, {"other.xml": b"<!--" + b"x" * 20_000 + b"-->" + product()[:300]})
    assert "not well-formed" in (problems_of(tmp_path)["other.xml"] or "")


def test_volume_counts_as_companion_beside_a_product_that_is_only_empty(tmp_path: Path) -> None:
    """A product of 0 bytes is refused at its own place, not a second time by its volume."""
    write(tmp_path, {"VOL.XML": volume("IMG/DIM.XML"), "IMG/DIM.XML": b""})
    assert set(problems_of(tmp_path)) == {"IMG/DIM.XML"}


def test_product_of_an_unknown_subprofile_is_refused_alone(tmp_path: Path) -> None:
    """A document that names images but says to be no product is refused with that reason, its companions are not."""
    unknown = product().replace(b"<METADATA_SUBPROFILE>PRODUCT<", b"<METADATA_SUBPROFILE>PRODUIT<")
    write(tmp_path, delivery() | {"IMG_001/DIM.XML": unknown})
    ((path, problem),) = problems_of(tmp_path).items()
    assert path == "IMG_001/DIM.XML"
    assert "of kind PRODUIT and no PRODUCT (METADATA_SUBPROFILE)" in (problem or "")


def test_loops_through_links_are_reported_once(tmp_path: Path) -> None:
    """A link to a directory above itself is one refused record; the walk ends, and no product comes twice."""
    write(tmp_path / "job", delivery())
    (tmp_path / "job" / "IMG_001" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "job" / "self").symlink_to("self")
    problems = problems_of(tmp_path)
    assert set(problems) == {"job/IMG_001/DIM.XML", "job/IMG_001/again", "job/self"}
    assert "loop" in (problems["job/IMG_001/again"] or "")
    assert "leads to nothing" in (problems["job/self"] or "")


def test_links_inside_are_read_once_and_links_outside_not_at_all(tmp_path: Path) -> None:
    """What a link shows a second time is counted; what lies outside is refused, and no image is read through it."""
    write(tmp_path / "outside", delivery() | {"IMG.TIF": b"secret"})
    root = write(tmp_path / "archive" / "a", {"DIM.XML": product(), "hidden": product()}).parent
    (root / "b").symlink_to("a", target_is_directory=True)
    (root / "DIM_again.XML").symlink_to("a/DIM.XML")
    (root / "DIM_store.XML").symlink_to("a/hidden")
    (root / "z").symlink_to(tmp_path / "outside", target_is_directory=True)
    (root / "a" / "IMG.TIF").symlink_to(tmp_path / "outside" / "IMG.TIF")
    progress = Progress()
    records = {record.content["path"]: record.content for record in records_of(root, progress=progress)}
    assert set(records) == {"DIM_store.XML", "a/DIM.XML", "a/IMG.TIF", "z"}
    assert records["a/DIM.XML"]["files"] == {}
    assert "leaves the archive" in records["z"]["problem"]
    assert progress.passed_over == {"links and special files": 2, "other files": 1}


def test_pipe_is_not_opened(tmp_path: Path) -> None:
    """A pipe with the name of metadata is refused instead of waited for."""
    os.mkfifo(tmp_path / "DIM.XML")
    assert "not a regular file" in (problems_of(tmp_path)["DIM.XML"] or "")


def test_directory_that_goes_away_is_refused_and_the_walk_goes_on(tmp_path: Path) -> None:
    """A directory that cannot be listed, and a file that cannot be read, are records with their problem."""
    write(tmp_path, {f"{name}/DIM.XML": product() for name in "abcde"})
    pages = pages_of(tmp_path, page_size=1)
    first = next(pages)
    shutil.rmtree(tmp_path / "d")
    rest = [record for page in pages for record in page.records]
    problems = {record.content["path"]: record.content["problem"] for record in (*first.records, *rest)}
    assert set(problems) == {"a/DIM.XML", "b/DIM.XML", "c/DIM.XML", "d", "e/DIM.XML"}
    assert "cannot be listed: No such file" in problems["d"]


def test_file_that_a_failing_disk_does_not_show_is_not_taken_for_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The product is refused, and not read as if its mask had never been delivered."""
    write(tmp_path, delivery())

    def fail_on_masks(path: str) -> os.stat_result:
        if path.endswith(".GML"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return look(path)

    look = os.lstat
    monkeypatch.setattr(os, "lstat", fail_on_masks)
    assert "ROI_MSK.GML cannot be looked at: Input/output error" in (problems_of(tmp_path)["IMG_001/DIM.XML"] or "")


def test_directory_deeper_than_the_limit_is_refused(tmp_path: Path) -> None:
    """The depth is bounded, because loops on servers cannot be seen."""
    write(tmp_path, {"a/b/DIM.XML": product(), "a/b/c/d/e/DIM.XML": product()})
    problems = problems_of(tmp_path, Limits(depth=3))
    assert set(problems) == {"a/b/DIM.XML", "a/b/c/d"}
    assert "deeper than 3" in (problems["a/b/c/d"] or "")


def mixed_archive(directory: Path) -> Path:
    """Deliveries, archives, refused files and names that sort around each other."""
    write(directory / "job", delivery("1"))
    write(directory / "job 2", delivery("2"))
    write(directory / "job.d", {"DIM.XML": product(), "RPC.XML": RPC, "a.XML": b""})
    inner = zipped({"x/DIM.XML": product(), "../DIM.XML": product()})
    write(directory / "job", {"more.zip": zipped(delivery("3") | {"in.zip": inner}), "more.tgz": tarred(delivery("4"))})
    write(directory / "orphan é", {"RPC.XML": RPC, "A.zip": b"PK"})
    (directory / "loop").symlink_to(directory)
    return directory


def test_resuming_anywhere_gives_exactly_the_rest(tmp_path: Path) -> None:
    """From each cursor the walk yields what follows it, nothing twice, in archives too."""
    mixed_archive(tmp_path)
    pages = list(pages_of(tmp_path, page_size=1))
    whole = [page.records[0] for page in pages]
    assert len({record.id for record in whole}) == len(whole) == 11
    assert pages[-1].next_cursor is None
    for position, page in enumerate(pages[:-1], start=1):
        assert page.next_cursor is not None
        assert page.next_cursor.isascii()
        assert records_of(tmp_path, cursor=page.next_cursor) == whole[position:]


def test_cursor_of_a_place_that_went_away_still_serves(tmp_path: Path) -> None:
    """A cursor needs no file: the walk goes on behind where it was."""
    write(tmp_path, {"a/DIM.XML": product(), "b/DIM.XML": product(), "c/DIM.XML": product()})
    pages = list(pages_of(tmp_path, page_size=1))
    shutil.rmtree(tmp_path / "b")
    rest = records_of(tmp_path, cursor=pages[1].next_cursor)
    assert [record.content["path"] for record in rest] == ["c/DIM.XML"]


def test_pages_hold_the_asked_number_of_records(tmp_path: Path) -> None:
    """Pages are full but the last, and an empty location has one empty page."""
    write(tmp_path / "full", {f"{number}/DIM.XML": product() for number in range(7)})
    (tmp_path / "empty").mkdir()

    def sizes(name: str) -> list[int]:
        return [len(page.records) for page in pages_of(tmp_path / name, page_size=3)]

    assert (sizes("full"), sizes("empty")) == ([3, 3, 1], [0])


def test_equal_walks_give_equal_digests(tmp_path: Path) -> None:
    """An unchanged delivery has an unchanged digest; a changed file another."""
    write(tmp_path, delivery())
    (before,), (again,) = records_of(tmp_path), records_of(tmp_path)
    (tmp_path / "IMG_001" / "IMG.TIF").write_bytes(b"longer")
    (after,) = records_of(tmp_path)
    assert before.digest() == again.digest() != after.digest()


@pytest.mark.parametrize("form", ["{}", "file://{}", "zip::file://{}"])
def test_one_file_is_a_location(tmp_path: Path, form: str) -> None:
    """A location may be one archive or one metadata file; its neighbours are not walked."""
    write(tmp_path, {"one.zip": zipped(delivery()), "DIM.XML": product()})
    assert [record.id for record in records_of(form.format(tmp_path / "one.zip"))] == [
        f"{tmp_path.as_uri()}/one.zip!/IMG_001/DIM.XML"
    ]
    assert [record.content["path"] for record in records_of(form.format(tmp_path / "DIM.XML"))] == ["DIM.XML"]


@pytest.mark.parametrize("name", ["VOL_PHR.XML", "IMG_001/RPC.XML", "IMG_001/IMG.TIF", "LIBRARY/style.xml"])
def test_file_that_is_no_product_is_no_location(tmp_path: Path, name: str) -> None:
    """A location that is a volume, or any other file that is no product, is refused with the folder to give."""
    write(tmp_path, delivery())
    with pytest.raises(SourceUnavailable, match=f"harvest its folder, {(tmp_path / name).parent.as_uri()}"):
        records_of(tmp_path / name)


@pytest.mark.parametrize(
    ("location", "advice"),
    [
        ("", "give a path or URL"),
        (" ", "give a path or URL"),
        ("zip::", "give a path or URL"),
        ("/no such/place", "does not exist"),
        ("~nobody-here/place", "does not exist"),
        ("file:///no%20such/place", "does not exist"),
        ("file://data/archive", "three slashes"),
        ("https://example.org/archive", "give a path"),
        ("ftp://reader:hid/den@127.0.0.1/x", "%2F"),
        ("ftp://reader:hidden@127.0.0.1:1/x", "user name and password"),
        ("sftp://reader:hidden@127.0.0.1:1/x", "known_hosts"),
        ("s3://", "s3://bucket/prefix"),
        ("ftp:///out", "ftp://host/out"),
    ],
)
def test_location_that_cannot_be_read_says_what_to_do(location: str, advice: str) -> None:
    """A wrong location is a SourceUnavailable with advice, and no password is in it."""
    options = Options(url=location)
    with pytest.raises(SourceUnavailable) as refusal:
        records_of(location)
    assert advice in str(refusal.value)
    assert "hid" not in str(refusal.value) + repr(options) + options.shown_location
