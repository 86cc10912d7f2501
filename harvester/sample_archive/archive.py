"""The sample archive: all its deliveries in one directory, written once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path

from harvester.sample_archive.companion_documents import delivery_folder
from harvester.sample_archive.component import components_of
from harvester.sample_archive.delivery import write_delivery
from harvester.sample_archive.errors import SampleArchiveError
from harvester.sample_archive.sites import SITES, Site, delivery_of
from harvester.sample_archive.specification import DeliverySpec

logger = getLogger(__name__)

#: Incremented whenever the bytes of a delivery change, so that older archives are written anew.
VERSION = 2
MARKER = ".sample-archive.json"


@dataclass(frozen=True, kw_only=True)
class SampleArchive:
    """What the directory holds."""

    directory: Path
    deliveries: tuple[Path, ...]  #: one folder per site
    item_ids: tuple[str, ...]  #: of the Items that a harvest makes of them
    size_bytes: int
    written: bool  #: False when a complete archive was found and left untouched


#: Called with the number of deliveries done, the number of all, and the name of the site.
OnProgress = Callable[[int, int, str], None]


def write_sample_archive(
    directory: Path, *, sites: Sequence[Site] = SITES, seed: int = 0, on_progress: OnProgress | None = None
) -> SampleArchive:
    """Write the sample archive into a directory, or find it there.

    A complete archive of the same sites, seed and version is left untouched; a half-written or older one is written
    anew, delivery by delivery. Equal arguments give equal bytes.

    Args:
        directory: a new or empty directory, or one that holds a sample archive.
        sites: what is ordered where.
        seed: of the landscapes and clouds.
        on_progress: called after each delivery.

    Raises:
        SampleArchiveError: the directory holds something else.
    """
    specs = [delivery_of(site, number, seed) for number, site in enumerate(sites, start=1)]
    folders = [directory / delivery_folder(components_of(spec)[0]) for spec in specs]
    marker = directory / MARKER
    written = not _is_complete(marker, specs, folders)
    if written:
        _claim(directory, marker)
        _write_deliveries(directory, sites, specs, on_progress)
        marker.write_text(json.dumps(_state(specs, folders), indent=1) + "\n", encoding="utf-8")
    return SampleArchive(
        directory=directory,
        deliveries=tuple(folders),
        item_ids=tuple(item_id for spec in specs for item_id in spec.item_ids),
        size_bytes=sum(size for folder in folders for _, size in _listing(folder)),
        written=written,
    )


def _write_deliveries(
    directory: Path, sites: Sequence[Site], specs: Sequence[DeliverySpec], on_progress: OnProgress | None
) -> None:
    for done, (site, spec) in enumerate(zip(sites, specs, strict=True), start=1):
        folder = write_delivery(directory, spec)
        logger.debug("%s: %s written", site.name, folder)
        if on_progress:
            on_progress(done, len(sites), site.name)


def _claim(directory: Path, marker: Path) -> None:
    """Mark the directory as ours before anything in it is replaced."""
    if directory.exists() and not marker.exists() and any(directory.iterdir()):
        raise SampleArchiveError(f"{directory} holds other files: choose a new or empty directory.")
    directory.mkdir(parents=True, exist_ok=True)
    marker.write_text("{}\n", encoding="utf-8")


def _is_complete(marker: Path, specs: Sequence[DeliverySpec], folders: Sequence[Path]) -> bool:
    try:
        recorded = json.loads(marker.read_bytes())
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
        return False
    return bool(recorded == _state(specs, folders))


def _state(specs: Sequence[DeliverySpec], folders: Sequence[Path]) -> dict[str, object]:
    """The version, the request, and the names and sizes of the files: quick to compare."""
    listed = [[folder.name, path, size] for folder in folders for path, size in _listing(folder)]
    asked = [repr(spec.__dict__ | {"missing": sorted(spec.missing)}) for spec in specs]
    return {"version": VERSION, "asked": _digest(asked), "files": len(listed), "listing": _digest(listed)}


def _listing(folder: Path) -> list[tuple[str, int]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in files]


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode("ascii")).hexdigest()
