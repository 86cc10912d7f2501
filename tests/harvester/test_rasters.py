"""Rasters: what is written is a COG, and what is not one is said so without an error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from harvester.rasters import is_cog, write_cog, write_jpeg

UTM = (2.0, 0.0, 448000.0, 0.0, -2.0, 5412000.0)


def pixels(bands: int = 4, size: int = 700) -> np.ndarray:
    """A reproducible image of 12-bit values."""
    return np.random.default_rng(7).integers(1, 4096, (bands, size, size), dtype=np.uint16)


def test_written_image_is_a_cog_with_its_georeferencing_and_overviews(tmp_path: Path) -> None:
    """A written image is a COG and comes back with the same pixels, CRS, transform and nodata."""
    path, image = tmp_path / "IMG été.TIF", pixels()
    write_cog(path, image, UTM, "EPSG:32631")
    assert is_cog(path)
    with rasterio.open(path) as raster:
        assert (raster.crs.to_epsg(), tuple(raster.transform)[:6], raster.nodata) == (32631, UTM, 0)
        assert raster.overviews(1)
        assert np.array_equal(raster.read(), image)


def test_sensor_image_keeps_its_rpcs(tmp_path: Path) -> None:
    """An image in sensor geometry has no CRS, and its rational model is in the file."""
    path = tmp_path / "IMG.TIF"
    offsets = dict.fromkeys(
        ("ERR_BIAS", "ERR_RAND", "LINE_OFF", "SAMP_OFF", "LAT_OFF", "LONG_OFF", "HEIGHT_OFF"), "1.5"
    )
    scales = dict.fromkeys(("LINE_SCALE", "SAMP_SCALE", "LAT_SCALE", "LONG_SCALE", "HEIGHT_SCALE"), "2")
    terms = {f"{axis}_{part}_COEFF": " ".join(["0.5"] * 20) for axis in ("LINE", "SAMP") for part in ("NUM", "DEN")}
    write_cog(path, pixels(1, 64), None, None, rpcs=offsets | scales | terms)
    assert is_cog(path)
    with rasterio.open(path) as raster:
        assert raster.crs is None
        assert raster.rpcs.line_off == 1.5
        assert raster.rpcs.samp_den_coeff == [0.5] * 20


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"II*\x00", b"II*\x00" + b"\xff" * 500, b"II+\x00\x08\x00\x00\x00" + bytes(8)]
)
def test_placeholder_or_broken_file_is_no_cog(tmp_path: Path, content: bytes) -> None:
    """Placeholders of 0 and 1 byte and broken headers are no COG, and raise nothing."""
    path = tmp_path / "IMG.TIF"
    path.write_bytes(content)
    assert not is_cog(path)


def test_absent_file_and_directory_are_no_cog(tmp_path: Path) -> None:
    """What cannot be opened as a file is no COG."""
    assert not is_cog(tmp_path / "absent.TIF")
    assert not is_cog(tmp_path)


def test_striped_tiff_without_overviews_is_no_cog(tmp_path: Path) -> None:
    """A valid GeoTIFF in strips is no COG."""
    path, image = tmp_path / "strips.TIF", pixels(1, 1024)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=1,
        height=1024,
        width=1024,
        dtype="uint16",
        crs="EPSG:32631",
        transform=rasterio.Affine(*UTM),
    ) as raster:
        raster.write(image)
    assert not is_cog(path)


def test_preview_is_a_jpeg_without_side_car(tmp_path: Path) -> None:
    """A preview is one JPEG file of three bands, and nothing is written beside it."""
    write_jpeg(tmp_path / "ICON.JPG", np.full((3, 40, 60), 128, dtype=np.uint8))
    assert [file.name for file in tmp_path.iterdir()] == ["ICON.JPG"]
    with pytest.warns(NotGeoreferencedWarning):
        image = rasterio.open(tmp_path / "ICON.JPG")
    with image:
        assert (image.driver, image.shape, image.count) == ("JPEG", (40, 60), 3)
