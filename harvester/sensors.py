"""The sensor documents: the satellites, bands and conventions behind a metadata profile.

Adding a sensor is adding a file `collections/sensors/<id>.yaml`; nothing in the code names a satellite.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Required, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from database.documents.forms import Form
from database.documents.located_yaml import Place, Problem, read_located_yaml
from database.documents.mistakes import did_you_mean, dotted, explained, validated
from harvester.errors import CollectionDocumentError, UnreadableScene

#: How a family gives the azimuth from the target to the satellite (docs/explanation/reading-dimap.md).
AzimuthConvention = Literal["scan-axis", "target", "nadir"]

#: Common names of bands in the eo extension of STAC, 2.0.0.
CommonName = Literal[
    "pan",
    "coastal",
    "blue",
    "green",
    "green05",
    "yellow",
    "red",
    "rededge",
    "rededge071",
    "rededge075",
    "rededge078",
    "nir",
    "nir08",
    "nir09",
    "cirrus",
    "swir16",
    "swir22",
    "lwir",
    "lwir11",
    "lwir12",
]

#: A name in lower case, such as that of a satellite or a source.
Name = Annotated[
    str, Form(r"^[a-z0-9]+(-[a-z0-9]+)*$", "lower-case letters without accents and digits, single hyphens between them")
]
_Code = Annotated[
    str, Form(r"^[A-Z][A-Z0-9]*[0-9][A-Z]?$", "MISSION and MISSION_INDEX in capital letters and digits, such as PHR1A")
]
_Designator = Annotated[
    str, Form(r"^\d{4}-\d{3}[A-Z]{1,3}$", "year, number of the launch and letter of the object, such as 2011-076F")
]

#: Families that are recognised but not read: prefix of the profile -> why.
_REFUSED_FAMILIES: Mapping[str, str] = {
    "PER1_": "PeruSat-1 products are not part of this catalogue",
    "PHR_SYSTEM_RECTIFIED_PRODUCT": "Pléiades products older than DIMAP 2 are not read; order them again as DIMAP 2",
    "RAPIDEYE": "RapidEye products are not DIMAP and are not read",
}


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Satellite(_Document):
    """One satellite of a sensor family."""

    platform: Name  #: STAC platform: "pleiades-1a"
    title: str  #: "Pléiades 1A"
    international_designator: _Designator | None = None
    instruments: tuple[Name, ...] | None = None  #: if they differ from those of the family


class SatelliteFields(TypedDict, total=False):
    """The fields of a `SceneRecord` that describe its satellite."""

    platform_title: Required[str]
    platform: str | None
    mission: str | None
    constellation: str | None
    instruments: tuple[str, ...]
    international_designator: str | None


class Sensor(_Document):
    """One family of satellites whose products are read in the same way."""

    id: Name
    title: str
    dimap: Literal[1, 2]  #: version of the DIMAP format
    profiles: tuple[str, ...] = Field(min_length=1)  #: prefixes of METADATA_PROFILE, such as "PHR_"
    constellation: Name
    instruments: tuple[Name, ...] = ()
    satellites: Mapping[_Code, Satellite] = Field(min_length=1)  #: by MISSION + MISSION_INDEX: "PHR1A"
    azimuth: AzimuthConvention  #: what gives the azimuth from the target to the satellite
    stamp: Literal["strip-source-id", "dataset-name", "grid-reference"]  #: where the acquisition's name comes from
    bands: Mapping[str, CommonName | None] = Field(min_length=1)  #: vendor band -> common name of the STAC eo extension
    pixel_order: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)  #: spectral mode -> bands in the pixels

    def satellite(self, code: str) -> Satellite:
        """The satellite with this code (`PHR1A`).

        Raises:
            UnreadableScene: When the sensor document does not list it.
        """
        if code not in self.satellites:
            known = ", ".join(sorted(self.satellites))
            raise UnreadableScene(f"satellite {code[:40]!r} is not one of {self.title} ({known})")
        return self.satellites[code]

    def fields_of(self, code: str) -> SatelliteFields:
        """The fields that scenes of the satellite with this code have. Raises what `satellite` raises."""
        satellite = self.satellite(code)
        return {
            "platform_title": satellite.title,
            "platform": satellite.platform,
            "mission": code,
            "constellation": self.constellation,
            "instruments": self.instruments if satellite.instruments is None else satellite.instruments,
            "international_designator": satellite.international_designator,
        }

    def bands_in_pixels(self, spectral_mode: str) -> tuple[str, ...]:
        """The bands of a spectral mode in the order of the pixels.

        Raises:
            UnreadableScene: When the mode is not one of this family.
        """
        if spectral_mode not in self.pixel_order:
            known = ", ".join(self.pixel_order)
            raise UnreadableScene(f"spectral mode {spectral_mode[:40]!r} is not one of {self.title} ({known})")
        return self.pixel_order[spectral_mode]


class Sensors:
    """All sensor documents, found by the profile of a product."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        """Keep sensors that claim different profiles, as `read_sensors` checks."""
        self._by_prefix = {prefix: sensor for sensor in sensors for prefix in sensor.profiles}
        self._by_code: dict[str, SatelliteFields] = {}
        self._by_name: dict[str, SatelliteFields] = {}
        for sensor in self:
            for code, satellite in sensor.satellites.items():
                fields = self._by_code.setdefault(code, sensor.fields_of(code))
                for name in (code, satellite.platform, satellite.title):
                    self._by_name.setdefault(_plain(name), fields)

    def __iter__(self) -> Iterator[Sensor]:
        return iter({sensor.id: sensor for sensor in self._by_prefix.values()}.values())

    def satellite(self, code: str) -> SatelliteFields | None:
        """The fields of the satellite with exactly this code: `PHR1A`."""
        return self._by_code.get(code)

    def satellite_called(self, name: str) -> SatelliteFields | None:
        """The fields of a satellite, found by its code, platform or title in any spelling: `Spot-5`, `PLEIADES 1A`."""
        return self._by_name.get(_plain(name))

    def for_profile(self, profile: str) -> Sensor:
        """The sensor with the longest matching prefix.

        Raises:
            UnreadableScene: With the reason where the family is refused, else naming the profile.
        """
        # The longest prefix wins, so that adding a sensor document lifts the refusal of its family.
        prefixes = [prefix for prefix in (*self._by_prefix, *_REFUSED_FAMILIES) if profile.startswith(prefix)]
        prefix = max(prefixes, key=len, default="")
        if prefix in self._by_prefix:
            return self._by_prefix[prefix]
        if prefix in _REFUSED_FAMILIES:
            raise UnreadableScene(f"{_REFUSED_FAMILIES[prefix]} (profile {profile[:80]})")
        raise UnreadableScene(
            f"profile {profile[:80]!r} is not one of any sensor; add a document to collections/sensors"
        )


@lru_cache(maxsize=1024)
def _plain(name: str) -> str:
    """A name without case, accents and punctuation."""
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", name).casefold())


def load_sensors(directory: Path) -> Sensors:
    """The sensors described by `<directory>/*.yaml`.

    Raises:
        CollectionDocumentError: with file, line and column of every problem and how to mend it.
    """
    sensors, problems = read_sensors(directory)
    if errors := [problem for problem in problems if problem.is_error]:
        raise CollectionDocumentError(explained(errors))
    return Sensors(sensors)


def read_sensors(directory: Path) -> tuple[list[Sensor], list[Problem]]:
    """The valid sensors of `<directory>/*.yaml`, and the problems of the documents."""
    files = sorted(directory.glob("*.yaml"))
    if not files:
        return [], [Problem(directory, 1, 1, "this folder holds no sensor document (*.yaml): copy one there")]
    sensors: list[Sensor] = []
    problems: list[Problem] = []
    owners: dict[str, str] = {}
    for file in files:
        sensor, found = _read(file, owners)
        problems += found
        if sensor is not None:
            sensors.append(sensor)
    return sensors, problems


def _read(file: Path, owners: dict[str, str]) -> tuple[Sensor | None, list[Problem]]:
    """One sensor; `owners` maps profiles to the sensors that claim them, and is extended."""
    located = read_located_yaml(file)
    sensor = validated(located, Sensor)
    if sensor is not None:
        for place, message in (*_inconsistencies(file.stem, sensor), *_claimed_twice(sensor, owners)):
            located.report_at(place, f"{dotted(place)}: {message}")
    return (None if located.problems else sensor), located.problems


def _inconsistencies(name: str, sensor: Sensor) -> Iterator[tuple[Place, str]]:
    if sensor.id != name:
        yield ("id",), f"{sensor.id!r} is not the name of the file: rename the file to {sensor.id}.yaml"
    for mode, order in sensor.pixel_order.items():
        for index, band in enumerate(order):
            if band not in sensor.bands:
                yield ("pixel_order", mode, index), f"{band!r} is not in bands{did_you_mean(band, sensor.bands)}"


def _claimed_twice(sensor: Sensor, owners: dict[str, str]) -> Iterator[tuple[Place, str]]:
    for index, prefix in enumerate(sensor.profiles):
        if owners.setdefault(prefix, sensor.id) != sensor.id:
            yield ("profiles", index), f"{prefix} is claimed by {owners[prefix]!r} too: remove it from one of them"
