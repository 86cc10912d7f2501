"""The archive as a whole: complete, repeatable, left alone when it is there."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from rio_cogeo.cogeo import cog_validate

from harvester.record import SceneRecord
from harvester.sample_archive import SITES, SampleArchive, SampleArchiveError, Site, delivery_of, write_sample_archive
from harvester.sample_archive.archive import MARKER


def digests(directory: Path) -> dict[str, str]:
    """Digest of each file, by its path."""
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def one_site() -> tuple[Site, ...]:
    """A site that is quick to write."""
    return tuple(site for site in SITES if site.name == "Montpellier")


def test_sites_cover_missions_and_kinds_of_acquisition() -> None:
    """Some twenty sites have all six satellites, and mono, stereo and tri-stereo acquisitions."""
    assert 20 <= len(SITES) <= 25
    assert {site.mission for site in SITES} == {"PHR1A", "PHR1B", "PNEO3", "PNEO4", "SPOT6", "SPOT7"}
    kinds = Counter(site.views for site in SITES)
    assert set(kinds) == {1, 2, 3}
    assert min(kinds.values()) >= 4


def test_ids_of_all_sites_are_unique() -> None:
    """No two acquisitions of the archive share the id of an Item."""
    ids = [item_id for number, site in enumerate(SITES, 1) for item_id in delivery_of(site, number, 0).item_ids]
    assert len(ids) == len(set(ids)) == sum(site.views for site in SITES)


def test_harvester_reads_every_acquisition(
    archive: SampleArchive, scenes_in: Callable[[Path], list[SceneRecord]]
) -> None:
    """What the archive promises is what the harvester finds, with nothing refused and nothing to warn of."""
    scenes = scenes_in(archive.directory)
    assert {scene.id for scene in scenes} == set(archive.item_ids)
    assert [scene.warnings for scene in scenes if scene.warnings] == []


def test_every_raster_is_a_valid_cog(archive: SampleArchive) -> None:
    """Each image passes the strict check of Cloud Optimized GeoTIFFs."""
    rasters = sorted(archive.directory.rglob("*.TIF"))
    problems = {path.name: cog_validate(str(path), strict=True, quiet=True)[1:] for path in rasters}
    assert len(rasters) == 4 + 4 + 6 + 3
    assert {name: found for name, found in problems.items() if found != ([], [])} == {}


def test_metadata_say_that_data_are_synthetic(archive: SampleArchive) -> None:
    """Each product names the sample archive as its producer and synthetic data in its copyright."""
    documents = [path.read_bytes() for path in archive.directory.rglob("DIM_*.XML")]
    assert documents
    assert all(b"DINAMIS sample archive" in document for document in documents)
    assert all(b"Synthetic data" in document for document in documents)


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    """Two archives of the same sites and seed are byte-identical, the marker included."""
    for name in ("first", "second"):
        write_sample_archive(tmp_path / name, sites=one_site())
    assert digests(tmp_path / "first") == digests(tmp_path / "second")


def test_seed_changes_pixels_but_not_names(tmp_path: Path) -> None:
    """Another seed draws another landscape at the same places."""
    for seed in (1, 2):
        write_sample_archive(tmp_path / str(seed), sites=one_site(), seed=seed)
    first, second = digests(tmp_path / "1"), digests(tmp_path / "2")
    assert first.keys() == second.keys()
    assert all(first[name] != second[name] for name in first if name.endswith(".TIF"))


def test_complete_archive_is_left_untouched(archive: SampleArchive, few_sites: tuple[Site, ...]) -> None:
    """A second call writes nothing and says so."""
    before = {path: path.stat().st_mtime_ns for path in archive.directory.rglob("*")}
    again = write_sample_archive(archive.directory, sites=few_sites)
    assert archive.written
    assert not again.written
    assert again.item_ids == archive.item_ids
    assert again.size_bytes == archive.size_bytes
    assert {path: path.stat().st_mtime_ns for path in archive.directory.rglob("*")} == before


@pytest.mark.parametrize("damage", ["marker", "raster", "metadata", "delivery"])
def test_half_written_archive_is_finished(tmp_path: Path, damage: str) -> None:
    """Whatever is missing or cut short is written again, to the same bytes."""
    directory = tmp_path / "archive"
    whole = write_sample_archive(directory, sites=one_site())
    expected = digests(directory)
    if damage == "marker":
        (directory / MARKER).write_text("{}")
    elif damage == "raster":
        path = next(directory.rglob("*.TIF"))
        path.write_bytes(path.read_bytes()[:1000])
    elif damage == "metadata":
        next(directory.rglob("DIM_*.XML")).unlink()
    else:
        whole.deliveries[0].rename(whole.deliveries[0].with_suffix(".partial"))
    assert write_sample_archive(directory, sites=one_site()).written
    assert digests(directory) == expected


def test_directory_of_others_is_refused(tmp_path: Path) -> None:
    """A directory that holds anything else is neither written to nor emptied."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SampleArchiveError, match="choose a new or empty directory"):
        write_sample_archive(tmp_path, sites=one_site())
    assert digests(tmp_path).keys() == {"thesis.txt"}


def test_progress_is_reported_after_each_delivery(tmp_path: Path) -> None:
    """The caller hears how many deliveries are done, of how many, and where."""
    heard: list[tuple[int, int, str]] = []
    write_sample_archive(tmp_path / "archive", sites=one_site(), on_progress=lambda *told: heard.append(told))
    assert heard == [(1, 1, "Montpellier")]
