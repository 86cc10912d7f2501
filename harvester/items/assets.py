"""The files of an acquisition as assets of its Item, and where these files are stored."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pystac.utils import datetime_to_str

from harvester.errors import UnreadableScene
from harvester.items.checks import is_storable
from harvester.record import Band, CompanionFile, ImageFile, Product, RemoteAsset, SceneRecord, known

#: The records of one acquisition by source: sources in order of precedence, the principal record of each first.
ScenesBySource = Mapping[str, Sequence[SceneRecord]]

RADIOMETRY_ROLES = {
    "BASIC": "dn",
    "REFLECTANCE": "reflectance",
    "DISPLAY": "visual",
    "SEAMLESS": "visual",
    "LINEAR_STRETCH": "visual",
}

COMPANION_ROLES = {
    "thumbnail": ("thumbnail",),
    "overview": ("overview",),
    "metadata": ("metadata",),
    "rpc": ("metadata",),
    "mask-roi": ("data-mask",),
    "mask-cld": ("metadata", "cloud"),
    "mask-snw": ("metadata", "snow-ice"),
    "mask-wat": ("metadata", "water-mask"),
    "mask-dtm": ("metadata", "water-mask"),
}

#: Fields that any asset has.
_OWN_NAMES = frozenset({"href", "title", "type", "roles"})
#: Between the path of an archive and that of its member.
MEMBER_MARK = "!/"
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class _HeldFile:
    """One file of one component, with its asset key."""

    key: str
    scene: SceneRecord
    product: Product
    file: ImageFile | CompanionFile


def product_type(scene: SceneRecord, product: Product) -> str:
    """Family, spectral mode and level of a component, such as `PHR_PMS_ORTHO`."""
    family = (scene.profile or "").partition("_")[0]
    return "_".join(filter(None, (family, product.spectral, product.level)))


def spoken_moment(moment: datetime) -> str:
    """A time for titles, to the second: QGIS names layers by titles, and the views of a stereo pair share their day."""
    return moment.replace(tzinfo=None).isoformat(" ", "seconds")


def assets_from_scenes(by_source: ScenesBySource, *, item_id: str, collection: str) -> dict[str, Any]:
    """The assets of one Item as JSON data by key, sorted.

    The hrefs of files that we hold are relative to the root of the API; those of files served by a source stay as they
    are.
    """
    files = _preferred_files(by_source)
    titles = _distinct_titles(files)
    return {
        key: _remote_asset(file, titles[key])
        if isinstance(file, RemoteAsset)
        else _held_asset(file, titles[key], f"assets/{collection}/{item_id}/{key}")
        for key, file in files.items()
    }


def places_by_key(by_source: ScenesBySource) -> dict[str, list[dict[str, str]]]:
    """Where the copies of each file that we hold are stored, the preferred one first, by asset key.

    The root is a URL without credentials and the path is relative to it.
    """
    files = _files_by_key(by_source)
    return {key: _distinct_places(copies) for key, copies in files.items() if not isinstance(copies, RemoteAsset)}


def documents_of_deliveries(assets: Mapping[str, Any]) -> list[str]:
    """Hrefs of the vendor's metadata files that we hold, from which the records of deliveries were read."""
    return [
        asset["href"]
        for key, asset in assets.items()
        if asset["href"].startswith("assets/") and (key.startswith("metadata-") or "-metadata-" in key)
    ]


def _preferred_files(by_source: ScenesBySource) -> dict[str, _HeldFile | RemoteAsset]:
    files = _files_by_key(by_source)
    return {key: file if isinstance(file, RemoteAsset) else file[0] for key, file in files.items()}


def _files_by_key(by_source: ScenesBySource) -> dict[str, list[_HeldFile] | RemoteAsset]:
    """All files by key, those that we hold first; where two sources share a key, the later one prefixes its name."""
    united: dict[str, list[_HeldFile] | RemoteAsset] = {}
    for files_of in (_held_files, _remote_files):
        for source, scenes in by_source.items():
            for name, file in files_of(scenes).items():
                united[_free_key(name, source, united)] = file
    return dict(sorted(united.items()))


def _free_key(key: str, source: str, taken: Container[str]) -> str:
    return _free_key(f"{_slug(source)}-{key}", source, taken) if key in taken else key


def _remote_files(scenes: Sequence[SceneRecord]) -> dict[str, RemoteAsset]:
    """The remote files of one source by key; two with one key are numbered, the principal record's first."""
    distinct: dict[tuple[str, str], RemoteAsset] = {}
    for asset in (asset for scene in scenes for asset in scene.remote_assets):
        distinct.setdefault((asset.key, asset.href), asset)
    seen: Counter[str] = Counter()
    files = {}
    for asset in distinct.values():
        seen[asset.key] += 1
        files[asset.key if seen[asset.key] == 1 else f"{asset.key}-{seen[asset.key]}"] = asset
    return files


def _distinct_places(copies: Sequence[_HeldFile]) -> list[dict[str, str]]:
    places = dict.fromkeys((held.scene.root, held.file.path, held.file.media_type) for held in copies)
    return [{"root": root, "path": path, "media_type": media_type} for root, path, media_type in places]


def _held_files(scenes: Sequence[SceneRecord]) -> dict[str, list[_HeldFile]]:
    """The copies of each file by key, the preferred one first: the latest production, then the easiest one to serve."""
    candidates = [held for scene, product, job in _products(scenes) for held in _files_of(scene, product, job)]
    candidates.sort(key=_effort)
    candidates.sort(key=lambda held: held.product.produced_at or _EARLIEST, reverse=True)
    copies: dict[str, list[_HeldFile]] = {}
    for held in candidates:
        copies.setdefault(held.key, []).append(held)
    return dict(sorted(copies.items()))


def _effort(held: _HeldFile) -> tuple[bool, bool, str, str, str]:
    """A sort key: a file on this machine is easier to serve than one elsewhere or inside an archive."""
    path, root = held.file.path, held.scene.root
    return not root.startswith("file:"), MEMBER_MARK in path, path, root, held.file.media_type


def _products(scenes: Sequence[SceneRecord]) -> Iterator[tuple[SceneRecord, Product, str]]:
    """The records with files, with their products, and the names of their jobs in keys.

    Repeated deliveries of one job are copies of one product as long as their pixels agree. Where they do not, as for
    two areas under one job, the products are numbered; the one produced first keeps the plain keys.
    """
    products: dict[tuple[str, ...], dict[tuple[Any, ...], int]] = {}
    for scene in sorted(scenes, key=_produced_first):
        if product := scene.product:
            job = _job_slug(product.job or product.dataset_name)
            of_job = products.setdefault((*_component(product), job), {})
            number = of_job.setdefault(_pixels(product), len(of_job) + 1)
            yield scene, product, job if number == 1 else f"{job}-product-{number}"


def _produced_first(scene: SceneRecord) -> tuple[datetime, str]:
    product = scene.product
    return (product and product.produced_at) or _EARLIEST, repr(product and _pixels(product))


def _pixels(product: Product) -> tuple[Any, ...]:
    """The properties of the pixels that all copies of a product share."""
    return product.shape, product.transform, product.proj_code, product.data_type, product.radiometry


def _component(product: Product) -> tuple[str, str]:
    return _slug(product.spectral), _slug(product.level)


def _files_of(scene: SceneRecord, product: Product, job: str) -> Iterator[_HeldFile]:
    component = _component(product)
    names = [
        ("-".join(filter(None, (*component, _slug(image.group), _slug(image.tile), job))), image)
        for image in sorted(product.images, key=lambda image: image.path)
    ] + [
        ("-".join((_slug(companion.kind), *component, job)), companion)
        for companion in sorted(product.companions, key=lambda companion: companion.path)
    ]
    seen: Counter[str] = Counter()
    for name, file in names:
        if not is_storable(file.path):
            raise UnreadableScene(f"{scene.id}: the name of a file is not in UTF-8: {file.path!a}. Rename it.")
        seen[name] += 1
        key = name if seen[name] == 1 else f"{name}-{seen[name]}"
        yield _HeldFile(key=key, scene=scene, product=product, file=file)


def _slug(text: str | None) -> str:
    ascii_text = unicodedata.normalize("NFKD", text or "").encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9_.-]+", "-", ascii_text.lower()).strip("-")


def _job_slug(job: str) -> str:
    """The job in the characters of a key; where that loses something, a digest keeps jobs distinct."""
    slug = _slug(job)
    if slug == job.lower():
        return slug
    digest = hashlib.sha256(job.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug}-{digest}" if slug else digest


def _distinct_titles(files: Mapping[str, _HeldFile | RemoteAsset]) -> dict[str, str]:
    """A title for each key; equal ones are made distinct by the job, then by the key."""
    titles = {key: file.title if isinstance(file, RemoteAsset) else _title(file) for key, file in files.items()}
    jobs = {key: key if isinstance(file, RemoteAsset) else file.product.job for key, file in files.items()}
    for distinction in (jobs, {key: key for key in files}):
        if len(set(titles.values())) == len(titles):
            break
        counts = Counter(titles.values())
        titles = {key: f"{title} ({distinction[key]})" if counts[title] > 1 else title for key, title in titles.items()}
    return titles


def _title(held: _HeldFile) -> str:
    scene, product = held.scene, held.product
    moment = spoken_moment(scene.acquired_at) if scene.acquired_at else None
    words = (scene.mission or scene.platform_title, moment, product.spectral, product.level)
    title = " ".join(filter(None, words))
    if isinstance(held.file, CompanionFile):
        return f"{title} {held.file.title}"
    parts = (held.file.group, held.file.tile)
    return " ".join((title, *(part.upper() for part in parts if part)))


def _remote_asset(file: RemoteAsset, title: str) -> dict[str, Any]:
    if shadowed := sorted(_OWN_NAMES & file.fields.keys()):
        raise UnreadableScene(f"asset {file.key}: {', '.join(shadowed)} said twice")
    media_type = {"type": file.media_type} if file.media_type else {}
    return {"href": file.href, **media_type, "title": title, **file.fields, "roles": list(file.roles)}


def _held_asset(held: _HeldFile, title: str, href: str) -> dict[str, Any]:
    file = held.file
    if isinstance(file, ImageFile):
        roles, fields = _image_roles(held.product), _image_fields(held.scene, held.product, file)
    else:
        roles, fields = _companion_roles(held.product, file), {}
    fields |= known({"file:size": file.size_bytes})
    return {"href": href, "type": file.media_type, "title": title, **fields, "roles": roles}


def _companion_roles(product: Product, file: CompanionFile) -> list[str]:
    roles = list(COMPANION_ROLES.get(file.kind, ("metadata",)))
    # Pléiades Neo has only a quicklook, and QGIS shows the thumbnail of an Item.
    if file.kind == "overview" and not any(other.kind == "thumbnail" for other in product.companions):
        roles.append("thumbnail")
    return roles


def _image_roles(product: Product) -> list[str]:
    role = RADIOMETRY_ROLES.get((product.radiometry or "").upper())
    return ["data", role] if role else ["data"]


def _image_fields(scene: SceneRecord, product: Product, image: ImageFile) -> dict[str, Any]:
    return {
        # Null means "in no CRS": without it the image would inherit the code of its Item.
        "proj:code": product.proj_code,
        "bands": [_band_fields(band) for band in image.bands],
        **_grid_fields(product, image),
        **known(
            {
                "gsd": product.sampling_m,
                "data_type": product.data_type,
                "nodata": product.nodata,
                "raster:bits_per_sample": product.bits_per_sample,
                "eo:cloud_cover": product.cloud_cover_percent,
                "eo:snow_cover": product.snow_cover_percent,
            }
        ),
        **_production_fields(scene, product),
    }


def _grid_fields(product: Product, image: ImageFile) -> dict[str, Any]:
    """Shape as [rows, columns], transform as six numbers in CRS units, and the resulting box."""
    whole = image.tile is None
    shape = image.shape or (product.shape if whole else None)
    transform = image.transform or (product.transform if whole else None)
    return known(
        {
            "proj:shape": list(shape) if shape else None,
            "proj:transform": list(transform) if transform else None,
            "proj:bbox": _projected_bbox(shape, transform) if shape and transform else None,
        }
    )


def _projected_bbox(shape: tuple[int, int], transform: tuple[float, ...]) -> list[float] | None:
    if len(transform) != 6:
        return None  # the check of invariants refuses it, and names the asset
    rows, columns = shape
    a, b, c, d, e, f = transform
    corners = [(0, 0), (columns, 0), (columns, rows), (0, rows)]
    xs = [a * column + b * row + c for column, row in corners]
    ys = [d * column + e * row + f for column, row in corners]
    return [min(xs), min(ys), max(xs), max(ys)]


def _production_fields(scene: SceneRecord, product: Product) -> dict[str, Any]:
    return known(
        {
            "processing:level": product.level,
            "processing:datetime": datetime_to_str(product.produced_at) if product.produced_at else None,
            "processing:software": dict(sorted(product.software.items())) or None,
            "processing:facility": product.facility,
            "product:type": product_type(scene, product),
            "airbus:job_id": product.job,
            "airbus:dataset_name": product.dataset_name,
            "airbus:spectral_processing": product.spectral,
        }
    )


def _band_fields(band: Band) -> dict[str, Any]:
    return known(
        {
            "name": band.name,
            "eo:common_name": band.common_name,
            "eo:center_wavelength": band.centre_wavelength_um,
            "eo:full_width_half_max": band.full_width_half_max_um,
            "eo:solar_illumination": band.solar_irradiance_w_m2_um,
            "raster:scale": band.scale,
            "raster:offset": band.offset,
            "unit": band.unit,
        }
    )
