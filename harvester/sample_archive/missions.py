"""The satellites of the sample archive: orbits, bands, spectral modes and peculiarities of their metadata."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SpectralBand:
    """One band: its vendor id, range and calibration. The calibration is plausible but invented."""

    id: str
    name: str
    shortest_nm: int
    longest_nm: int
    gain: float  #: DN per W/m2/sr/µm
    solar_irradiance: float  #: W/m2/µm


@dataclass(frozen=True)
class BandGroup:
    """The bands of one raster file, in the order of the pixels."""

    token: str | None  #: in the file name: RGB, NED, P; None where the family writes none
    bands: tuple[str, ...]


@dataclass(frozen=True)
class SpectralMode:
    """What a component of a delivery consists of: its files with their bands, and their resolution."""

    groups: tuple[BandGroup, ...]
    pixel_ratio: int  #: pixels of the panchromatic band on a side of one pixel of this mode

    @property
    def bands(self) -> tuple[str, ...]:
        """Vendor ids of all bands, in the order of the pixels, group after group."""
        return tuple(band for group in self.groups for band in group.bands)


@dataclass(frozen=True, kw_only=True)
class Family:
    """Satellites whose deliveries have the same form."""

    name: str  #: "phr", "spot" or "pneo"
    format_version: str
    wavelength_unit: str
    altitude_km: float  #: of the circular orbit above the sphere of footprints' mean radius
    pan_gsd_m: float  #: at nadir
    bands: tuple[SpectralBand, ...]
    modes: dict[str, SpectralMode]
    encoding: str = "UTF-8"
    quality_tables: str


@dataclass(frozen=True, kw_only=True)
class Mission:
    """One satellite."""

    mission: str  #: as Strip_Source/MISSION
    index: str  #: as Strip_Source/MISSION_INDEX
    profile: str  #: prefix of METADATA_PROFILE
    family: Family

    @property
    def code(self) -> str:
        """The satellite as file names write it, such as PHR1A."""
        return self.mission + self.index


def _single(*bands: str, ratio: int, group: str | None = None) -> SpectralMode:
    return SpectralMode((BandGroup(group, bands),), ratio)


_FOUR_BANDS = {
    "P": _single("P", ratio=1),
    "MS": _single("B2", "B1", "B0", "B3", ratio=4),
    "PMS": _single("B2", "B1", "B0", "B3", ratio=1),
    "MS-N": _single("B2", "B1", "B0", ratio=4),
    "PMS-N": _single("B2", "B1", "B0", ratio=1),
    "MS-X": _single("B1", "B2", "B3", ratio=4),
    "PMS-X": _single("B1", "B2", "B3", ratio=1),
}

_RGB = BandGroup("RGB", ("R", "G", "B"))
_NED = BandGroup("NED", ("NIR", "RE", "DB"))

PHR = Family(
    name="phr",
    format_version="2.15",
    wavelength_unit="micrometers",
    altitude_km=694.0,
    pan_gsd_m=0.7,
    quality_tables="PHR",
    modes=_FOUR_BANDS,
    bands=(
        SpectralBand("P", "Panchromatic", 470, 830, 11.5, 1550.0),
        SpectralBand("B0", "Blue", 430, 550, 8.9, 1915.0),
        SpectralBand("B1", "Green", 500, 620, 8.8, 1830.0),
        SpectralBand("B2", "Red", 590, 710, 9.8, 1590.0),
        SpectralBand("B3", "NIR", 740, 940, 15.6, 1060.0),
    ),
)

SPOT = Family(
    name="spot",
    format_version="2.12",
    wavelength_unit="nanometers",
    altitude_km=694.0,
    pan_gsd_m=2.2,
    encoding="ISO-8859-1",
    quality_tables="SPOT",
    modes=_FOUR_BANDS,
    bands=(
        SpectralBand("P", "Panchromatic", 450, 745, 11.0, 1707.0),
        SpectralBand("B2", "Red", 625, 695, 11.2, 1520.0),
        SpectralBand("B1", "Green", 530, 590, 10.1, 1810.0),
        SpectralBand("B0", "Blue", 455, 525, 8.6, 1983.0),
        SpectralBand("B3", "NIR", 760, 890, 15.2, 1095.0),
    ),
)

PNEO = Family(
    name="pneo",
    format_version="2.0",
    wavelength_unit="nanometer",
    altitude_km=620.0,
    pan_gsd_m=0.3,
    quality_tables="PNEO",
    modes={
        "PAN": _single("PAN", ratio=1, group="P"),
        "MS": _single("R", "G", "B", "NIR", ratio=4, group="RGBN"),
        "PMS": _single("R", "G", "B", "NIR", ratio=1, group="RGBN"),
        "MS-FS": SpectralMode((_RGB, _NED), 4),
        "PMS-FS": SpectralMode((_RGB, _NED), 1),
    },
    bands=(
        SpectralBand("PAN", "Panchromatic", 450, 800, 9.5, 1620.0),
        SpectralBand("R", "Red", 620, 690, 8.0, 1552.0),
        SpectralBand("G", "Green", 530, 590, 7.2, 1815.0),
        SpectralBand("B", "Blue", 450, 520, 6.9, 1990.0),
        SpectralBand("NIR", "NIR", 770, 880, 12.1, 1080.0),
        SpectralBand("RE", "Red Edge", 700, 750, 10.4, 1360.0),
        SpectralBand("DB", "Deep Blue", 400, 450, 6.4, 1740.0),
    ),
)

MISSIONS = {
    mission.code: mission
    for mission in (
        Mission(mission="PHR", index="1A", profile="PHR", family=PHR),
        Mission(mission="PHR", index="1B", profile="PHR", family=PHR),
        Mission(mission="SPOT", index="6", profile="S6", family=SPOT),
        Mission(mission="SPOT", index="7", profile="S7", family=SPOT),
        Mission(mission="PNEO", index="3", profile="PNEO", family=PNEO),
        Mission(mission="PNEO", index="4", profile="PNEO", family=PNEO),
    )
}

LEVEL_TOKENS = {"SENSOR": "SEN", "PROJECTED": "PRJ", "ORTHO": "ORT", "MOSAIC": "MOS"}
