"""Raster files: the only module that knows rasterio and rio-cogeo."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from logging import getLogger
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.rpc import RPC
from rio_cogeo.cogeo import cog_validate

logger = getLogger(__name__)

#: First bytes of classic TIFF and BigTIFF, in both byte orders.
TIFF_SIGNATURES = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

#: No side-car, no neighbouring file, no network: a delivered file must not make GDAL open anything else.
ONE_FILE_ONLY = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".nothing",
    "GDAL_HTTP_MAX_RETRY": "0",
}


def is_cog(path: Path) -> bool:
    """Whether a local file is a Cloud Optimized GeoTIFF, judged from its header.

    Anything that is not one is False: a placeholder of 0 or 1 byte, a JPEG 2000, a broken or absent file.
    """
    if not _is_tiff(path):
        return False
    try:
        with _quiet_gdal():
            valid, _, _ = cog_validate(str(path.resolve()), quiet=True)
    except (RasterioError, OSError, ValueError, KeyError) as error:
        logger.debug("%s is no readable TIFF: %s", path, error)
        return False
    except Exception as error:  # GDAL raises its own classes (CPLE_*), which are not public in rasterio.
        logger.debug("GDAL cannot read %s: %s", path, error)
        return False
    return bool(valid)


def write_cog(
    path: Path,
    array: NDArray[np.uint16],
    transform: tuple[float, float, float, float, float, float] | None,
    crs: str | None,
    nodata: float | None = 0,
    rpcs: Mapping[str, str] | None = None,
) -> None:
    """Write bands as a Cloud Optimized GeoTIFF, compressed, with overviews where the image is larger than a block.

    Args:
        path: the file to write; its directory exists.
        array: (bands, rows, columns).
        transform: column and row to CRS coordinates, in the order of `affine.Affine`; None in sensor geometry.
        crs: such as "EPSG:32631"; None in sensor geometry.
        nodata: value of pixels outside the image, None if there is none.
        rpcs: rational polynomial coefficients as GDAL names and writes them (`LINE_OFF`, `SAMP_NUM_COEFF`…).
    """
    bands, rows, columns = array.shape
    profile = {"count": bands, "height": rows, "width": columns, "dtype": array.dtype.name, "nodata": nodata}
    placed = {} if transform is None else {"transform": Affine(*transform)}
    with (
        _quiet_gdal(),
        rasterio.open(
            path, "w", driver="COG", crs=crs, compress="DEFLATE", predictor="YES", blocksize=256, **profile, **placed
        ) as raster,
    ):
        raster.write(array)
        if rpcs is not None:
            raster.rpcs = RPC.from_gdal(dict(rpcs))


def write_jpeg(path: Path, array: NDArray[np.uint8]) -> None:
    """Write a preview as JPEG; the array is (3, rows, columns): red, green, blue."""
    bands, rows, columns = array.shape
    with (
        _quiet_gdal(),
        rasterio.open(path, "w", driver="JPEG", count=bands, height=rows, width=columns, dtype="uint8") as image,
    ):
        image.write(array)


def _is_tiff(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in TIFF_SIGNATURES
    except OSError:
        return False


@contextmanager
def _quiet_gdal() -> Iterator[None]:
    """GDAL confined to one file; an image without georeferencing is usual here (sensor geometry, previews)."""
    with warnings.catch_warnings(), rasterio.Env(**ONE_FILE_ONLY):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield
