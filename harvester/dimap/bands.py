"""Bands of an image in the order of its pixels, with wavelengths in µm and the scale to physical values."""

from __future__ import annotations

from collections.abc import Mapping

from harvester.dimap.document import DimapDocument
from harvester.record import Band
from harvester.sensors import Sensor

_MEASURES = "Radiometric_Data/Radiometric_Calibration/Instrument_Calibration/Band_Measurement_List"
_RADIANCE_UNIT = "W m-2 sr-1 um-1"
#: Reflectance products hold ten-thousandths.
_REFLECTANCE_SCALE = 1e-4
#: First letters of MEASURE_UNIT -> µm.
_WAVELENGTH_UNITS = {"micro": 1.0, "µm": 1.0, "um": 1.0, "nano": 1e-3, "nm": 1e-3}


def described_bands(
    document: DimapDocument, sensor: Sensor, names: tuple[str, ...], radiometry: str | None
) -> tuple[Band, ...]:
    """The bands with these vendor names, described from the calibration of a DIMAP 2 product.

    Args:
        document: The product; its Band_Measurement_List is searched by band, as its order means nothing.
        sensor: Gives the common names.
        names: In the order of the pixels.
        radiometry: RADIOMETRIC_PROCESSING; only BASIC counts become radiances, and only REFLECTANCE has a fixed scale.
    """
    measures = {kind: _by_band(document, kind) for kind in ("Spectral_Range", "Radiance", "Solar_Irradiance")}
    return tuple(_band(name, sensor, measures, radiometry) for name in names)


def scene_bands(document: DimapDocument, sensor: Sensor) -> tuple[Band, ...]:
    """The bands of a DIMAP 1 scene, ordered by BAND_INDEX.

    Raises:
        UnreadableScene: When they are not numbered 1, 2, 3…
    """
    path = "Image_Interpretation/Spectral_Band_Info"
    infos = {info.required_integer("BAND_INDEX", 1, 100): info for info in document.sections(path)}
    if not infos or sorted(infos) != list(range(1, len(document.sections(path)) + 1)):
        raise document.problem(f"{path}/BAND_INDEX", "does not number the bands 1, 2, 3…")
    path = "Data_Strip/Sensor_Calibration/Solar_Irradiance/Band_Solar_Irradiance"
    irradiances = {
        section.integer("BAND_INDEX", 1, 100): section.number("SOLAR_IRRADIANCE_VALUE", 0, 1e5)
        for section in document.sections(path)
    }
    return tuple(_scene_band(infos[index], sensor, irradiances.get(index)) for index in sorted(infos))


def indexed_bands(files: DimapDocument) -> tuple[str, ...]:
    """Vendor names of the bands of one `Data_Files` group in the order of its pixels; empty without Raster_Index.

    Raises:
        UnreadableScene: When the bands are not numbered 1, 2, 3…
    """
    path = "Raster_Display/Raster_Index_List/Raster_Index"
    sections = files.sections(path)
    by_index = {section.required_integer("BAND_INDEX", 1, 100): section.required("BAND_ID") for section in sections}
    if sorted(by_index) != list(range(1, len(sections) + 1)):
        raise files.problem(f"{path}/BAND_INDEX", "does not number the bands 1, 2, 3…")
    return tuple(by_index[index] for index in sorted(by_index))


def _by_band(document: DimapDocument, kind: str) -> Mapping[str, DimapDocument]:
    sections = document.sections(f"{_MEASURES}/Band_{kind}")
    return {name: section for section in sections if (name := section.text("BAND_ID")) is not None}


def _band(
    name: str, sensor: Sensor, measures: Mapping[str, Mapping[str, DimapDocument]], radiometry: str | None
) -> Band:
    centre, width = _wavelengths(measures["Spectral_Range"].get(name))
    scale, offset, unit = _scale(measures["Radiance"].get(name), radiometry)
    irradiance = measures["Solar_Irradiance"].get(name)
    return Band(
        name=name,
        common_name=sensor.bands.get(name),
        centre_wavelength_um=centre,
        full_width_half_max_um=width,
        solar_irradiance_w_m2_um=None if irradiance is None else irradiance.number("VALUE", 0, 1e5),
        scale=scale,
        offset=offset,
        unit=unit,
    )


def _wavelengths(section: DimapDocument | None) -> tuple[float | None, float | None]:
    if section is None:
        return None, None
    low, high = (_first_number(section, name) for name in ("MIN", "MAX"))
    if low is None or high is None:
        return None, None
    unit = (section.text("MEASURE_UNIT") or "").lower()
    factor = next((factor for start, factor in _WAVELENGTH_UNITS.items() if unit.startswith(start)), None)
    if factor is None:
        section.leave_out(section.problem("MEASURE_UNIT", f"= {unit[:40]!r} is not a unit of wavelength"))
        return None, None
    if not low < high:
        section.leave_out(section.problem("MIN", f"= {low:g} is not below MAX = {high:g}"))
        return None, None
    # Twelve digits: further ones come from arithmetic, not from measurement.
    return round((low + high) / 2 * factor, 12), round((high - low) * factor, 12)


def _first_number(section: DimapDocument, name: str) -> float | None:
    direct = section.number(name, 0, 1e6)
    return section.number(f"FWHM/{name}", 0, 1e6) if direct is None else direct


def _scale(section: DimapDocument | None, radiometry: str | None) -> tuple[float | None, float | None, str | None]:
    if radiometry == "REFLECTANCE":
        return _REFLECTANCE_SCALE, 0.0, "1"
    if radiometry != "BASIC" or section is None:
        return None, None, None
    gain, bias = section.number("GAIN", 1e-9, 1e9), section.number("BIAS", -1e9, 1e9)
    return (None, None, None) if gain is None or bias is None else (1 / gain, bias, _RADIANCE_UNIT)


def _scene_band(info: DimapDocument, sensor: Sensor, irradiance: float | None) -> Band:
    name = info.required("BAND_DESCRIPTION")
    gain, bias = info.number("PHYSICAL_GAIN", 1e-9, 1e9), info.number("PHYSICAL_BIAS", -1e9, 1e9)
    is_radiance = gain is not None and bias is not None and "radiance" in (info.text("PHYSICAL_UNIT") or "").lower()
    return Band(
        name=name,
        common_name=sensor.bands.get(name),
        solar_irradiance_w_m2_um=irradiance,
        scale=1 / gain if is_radiance and gain else None,
        offset=bias if is_radiance else None,
        unit=_RADIANCE_UNIT if is_radiance else None,
    )
