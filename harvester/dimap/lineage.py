"""What the strip's lineage document adds: orbit, sub-satellite point, receiving station."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harvester.dimap.document import DimapDocument, parse_document
from harvester.errors import UnreadableScene

_EPHEMERIS = "Acquisition_Configuration/Platform_Configuration/Ephemeris_Configuration"


@dataclass(frozen=True)
class StripLineage:
    """The strip from which a product was cut; None for what its document does not give."""

    nadir: tuple[float, float] | None = None  #: longitude, latitude of the sub-satellite point, degrees
    relative_orbit: int | None = None
    orbit_state: str | None = None  #: "ascending" or "descending"
    station: str | None = None
    warnings: tuple[str, ...] = ()


def read_lineage(data: bytes, name: str) -> StripLineage:
    """The lineage in a STRIP document.

    Raises:
        UnreadableScene: When it cannot be parsed, or is not a STRIP document.
    """
    document = parse_document(data, name)
    subprofile = document.text("Metadata_Identification/METADATA_SUBPROFILE")
    if subprofile != "STRIP":
        raise UnreadableScene(f"{name}: METADATA_SUBPROFILE is {subprofile!r}, not STRIP")
    read = StripLineage(
        nadir=document.position(_EPHEMERIS, "NADIR_"),
        relative_orbit=document.integer(f"{_EPHEMERIS}/ACQUISITION_ORBIT_NUMBER", 1, 100_000),
        orbit_state=_orbit_state(document),
        station=document.text("Telemetry_Configuration/Receiving/RECEIVING_STATION"),
    )
    return replace(read, warnings=tuple(document.left_out))


def _orbit_state(document: DimapDocument) -> str | None:
    path = f"{_EPHEMERIS}/ACQUISITION_ORBIT_DIRECTION"
    direction = (document.text(path) or "").lower()
    if direction not in {"", "ascending", "descending"}:
        document.leave_out(document.problem(path, f"= {direction[:40]!r} is neither ascending nor descending"))
        return None
    return direction or None
