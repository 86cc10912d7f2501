"""Deliveries as the source of deliveries hands them over: the samples, and documents made for one test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harvester.dimap import linked_paths
from harvester.errors import UnreadableScene
from harvester.sensors import Sensors, load_sensors

SENSOR_DOCUMENTS = Path(__file__).resolve().parents[3] / "collections" / "sensors"

Content = dict[str, Any]
ContentOf = Callable[[str], Content]


@pytest.fixture(scope="session")
def sensors() -> Sensors:
    """The sensor documents of the project."""
    return load_sensors(SENSOR_DOCUMENTS)


@pytest.fixture(scope="session")
def dimap_samples(samples: Path) -> Path:
    """The folder of DIMAP samples."""
    return samples / "dimap"


@pytest.fixture
def content_of(dimap_samples: Path) -> ContentOf:
    """A function from a sample's path to the content of its raw record."""
    return lambda path: delivery_content(dimap_samples, path)


def delivery_content(root: Path, path: str) -> Content:
    """What the source of deliveries would say of the product at a path below a directory."""
    metadata = root / path
    data = metadata.read_bytes()
    documents = {"product": as_text(data)}
    files: dict[str, Mapping[str, Any]] = {}
    try:
        links = linked_paths(data, path)
    except UnreadableScene:
        return {"root": root.as_uri(), "path": path, "documents": documents, "files": files, "problem": None}
    for href in links.hrefs():
        if (file := metadata.parent / href).is_file():
            files[href] = {"size": file.stat().st_size, "cog": False}
    for role, href in (("roi", links.roi), ("strip", links.strip)):
        if href in files:
            documents[role] = as_text((metadata.parent / str(href)).read_bytes())
    return {"root": root.as_uri(), "path": path, "documents": documents, "files": files, "problem": None}


def as_text(data: bytes) -> str:
    """Bytes as they are kept in a raw record."""
    return data.decode("utf-8", "surrogateescape")
