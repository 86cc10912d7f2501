"""The Items of genuine products, read by the reader of deliveries."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pystac import Item

from harvester.dimap import read_metadata_file, scene_from_delivery
from harvester.errors import UnreadableScene
from harvester.items.from_scenes import item_from_scenes, private_part
from harvester.record import SceneRecord
from harvester.sensors import load_sensors
from tests.scene_records import delivered
from tests.stac_schemas import validator

SENSORS = Path(__file__).resolve().parents[3] / "collections" / "sensors"


@pytest.fixture(scope="module")
def acquisitions(samples: Path) -> dict[str, list[SceneRecord]]:
    """The records of all readable products among the samples, by the id of their acquisition."""
    sensors = load_sensors(SENSORS)
    root = samples / "dimap"
    found = defaultdict(list)
    for path in product_paths(root):
        try:
            scene = scene_from_delivery(content_of(path, root), sensors)
        except UnreadableScene:
            continue  # which ones, and why, is a claim of the reader's own tests
        found[scene.id].append(scene)
    return dict(found)


def product_paths(root: Path) -> Iterator[Path]:
    """The metadata files of products below a folder."""
    documents = (path for path in sorted(root.rglob("*")) if path.suffix.lower() in (".xml", ".dim"))
    yield from (
        path for path in documents if read_metadata_file(path.read_bytes(), path.name).classification.kind == "product"
    )


def content_of(path: Path, root: Path) -> dict[str, Any]:
    """What the source of deliveries says of one product; images that the samples leave out count as delivered."""
    text = path.read_bytes()
    links = read_metadata_file(text, path.name).links
    assert links is not None
    named = {"product": path.name, "roi": links.roi, "strip": links.strip}
    sizes = {href: (path.parent / href).stat().st_size for href in links.hrefs() if (path.parent / href).is_file()}
    return {
        "root": root.as_uri(),
        "path": path.relative_to(root).as_posix(),
        "documents": {
            kind: (path.parent / href).read_bytes().decode("utf-8", "surrogateescape")
            for kind, href in named.items()
            if href and (path.parent / href).is_file()
        },
        "files": {
            href: {"size": sizes.get(href, 1), "cog": False}
            for href in links.hrefs()
            if href in sizes or href in links.images
        },
        "problem": None,
    }


def json_of(item_id: str, scenes: list[SceneRecord]) -> dict[str, Any]:
    """The Item of these records as the catalogue gets it."""
    item = item_from_scenes(delivered(*scenes), item_id=item_id, collection="pleiades")
    document: dict[str, Any] = json.loads(json.dumps(item, allow_nan=False))
    return document


def test_samples_of_every_family_are_read(acquisitions: dict[str, list[SceneRecord]]) -> None:
    """The claims below are about Pléiades, SPOT 6/7, Pléiades Neo and SPOT 5, not about an empty list."""
    assert {item_id[:5] for item_id in acquisitions} >= {"PHR1A", "PHR1B", "SPOT7", "PNEO3", "PNEO4", "SPOT5"}


def test_items_of_samples_follow_the_schemas(acquisitions: dict[str, list[SceneRecord]], schemas: Path) -> None:
    """The Item of each genuine acquisition is valid STAC with each of its extensions, and comes back from JSON."""
    for item_id, scenes in acquisitions.items():
        document = json_of(item_id, scenes)
        validator(schemas)(document)
        assert Item.from_dict(document).to_dict() == document


def test_items_of_samples_do_not_depend_on_order(acquisitions: dict[str, list[SceneRecord]]) -> None:
    """Genuine components of one acquisition make the same Item forwards and backwards."""
    for item_id, scenes in acquisitions.items():
        assert json_of(item_id, scenes[::-1]) == json_of(item_id, scenes)


def test_samples_hold_a_bundle(acquisitions: dict[str, list[SceneRecord]]) -> None:
    """At least one genuine delivery is a bundle, and its Item has the images of both components."""
    bundles = {
        item_id: scenes
        for item_id, scenes in acquisitions.items()
        if {"P", "MS"} <= {scene.product.spectral for scene in scenes if scene.product}
    }
    assert bundles
    for item_id, scenes in bundles.items():
        keys = {key.partition("-")[0] for key, asset in json_of(item_id, scenes)["assets"].items() if "bands" in asset}
        assert {"p", "ms"} <= keys


def test_every_file_of_the_samples_is_an_asset(acquisitions: dict[str, list[SceneRecord]]) -> None:
    """No file of a genuine product is lost: each path that the reader names is the place of one asset."""
    for scenes in acquisitions.values():
        products = [scene.product for scene in scenes if scene.product]
        paths = {image.path for product in products for image in product.images}
        paths |= {companion.path for product in products for companion in product.companions}
        assert {place["path"] for (place,) in private_part(delivered(*scenes))["assets"].values()} == paths
