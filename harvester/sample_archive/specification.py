"""The specification of a sample delivery: one order of one place, with views, modes and special cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from harvester.sample_archive.errors import SampleArchiveError
from harvester.sample_archive.landscape import SETTINGS
from harvester.sample_archive.missions import LEVEL_TOKENS, MISSIONS, Mission
from harvester.sample_archive.passes import View, truncated

#: Corners of a region of interest as fractions of width and height from the upper left, clockwise: a rotated
#: quadrilateral, as an ortho image has.
ROTATED_ROI = ((0.12, 0.0), (1.0, 0.1), (0.88, 1.0), (0.0, 0.9))
#: The whole image but its clipped corners, as an image in sensor geometry has.
CLIPPED_ROI = ((0.02, 0.05), (0.94, 0.0), (1.0, 0.08), (0.99, 0.93), (0.95, 1.0), (0.06, 0.98), (0.0, 0.9))

#: What `DeliverySpec.missing` may name: kinds of files that the metadata list but the delivery lacks.
FILE_KINDS = frozenset(
    {"image", "world-file", "metadata", "rpc", "preview", "icon", "roi-mask", "mask", "strip", "processing", "volume"}
)

#: From the start of the strip to the centre of the image.
CENTRE_DELAY = timedelta(seconds=0.7)
_PNEO_CENTRE_DELAY = timedelta(seconds=0.93)


@dataclass(frozen=True, kw_only=True)
class DeliverySpec:
    """One delivery. The defaults make a small Pléiades ortho image of realistic shape; only the views must be given."""

    views: tuple[View, ...]
    mission: str = "PHR1A"  #: a key of MISSIONS
    modes: tuple[str, ...] = ("PMS",)  #: one component each, per view
    level: str = "ORTHO"  #: a key of LEVEL_TOKENS
    lon: float = 2.35  #: of the centre, degrees, in [-180, 180]
    lat: float = 48.85
    height_m: float = 0.0  #: of the ground above the ellipsoid
    job: str = "6000000101"  #: of the order; each component derives its own from it
    rows: int = 640  #: of the components with the resolution of the panchromatic band
    cols: int = 640
    pixel_m: float = 4.0
    tiles: tuple[int, int] = (1, 1)  #: rows and columns of tiles
    cloud_cover_percent: float | None = 0.0  #: None leaves it out of the metadata
    snow_cover_percent: float | None = None
    roi: tuple[tuple[float, float], ...] | None = ROTATED_ROI  #: None: no mask, the area is that of the extent
    radiometry: str = "BASIC"  #: or REFLECTANCE
    orbit_number: int = 121
    setting: str = "fields"  #: one of SETTINGS of the landscape
    seed: int = 0  #: of the landscape
    title: str = ""  #: customer reference of the order
    missing: frozenset[str] = field(default_factory=frozenset)  #: of FILE_KINDS

    def __post_init__(self) -> None:
        problem = next(_problems(self), None)
        if problem:
            raise SampleArchiveError(problem)

    @property
    def satellite(self) -> Mission:
        """The satellite that acquires it."""
        return MISSIONS[self.mission]

    @property
    def item_ids(self) -> tuple[str, ...]:
        """Ids of the Items that a harvest makes of it, one per view."""
        return tuple(f"{self.mission}_{self.stamp(view)}" for view in self.views)

    def stamp(self, view: View) -> str:
        """The 15 digits in the names of a view: start of the strip, for Pléiades Neo the centre of the image."""
        is_neo = self.satellite.family.name == "pneo"
        moment = truncated(view.acquired_at + _PNEO_CENTRE_DELAY) if is_neo else view.acquired_at
        return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 100_000}"

    def centre_delay(self) -> timedelta:
        """From the start of the strip to the centre of the image."""
        return _PNEO_CENTRE_DELAY if self.satellite.family.name == "pneo" else CENTRE_DELAY


def _problems(spec: DeliverySpec) -> Iterator[str]:
    if spec.mission not in MISSIONS:
        yield f"Unknown mission {spec.mission}: choose one of {', '.join(MISSIONS)}."
        return
    modes = spec.satellite.family.modes
    unknown = [mode for mode in spec.modes if mode not in modes]
    if unknown or not spec.modes:
        yield f"{spec.mission} has no mode {unknown}: choose from {', '.join(modes)}."
    if spec.level not in LEVEL_TOKENS:
        yield f"Unknown level {spec.level}: choose one of {', '.join(LEVEL_TOKENS)}."
    if spec.setting not in SETTINGS:
        yield f"Unknown setting {spec.setting}: choose one of {', '.join(SETTINGS)}."
    if not spec.missing <= FILE_KINDS:
        yield f"Unknown kind of file in {sorted(spec.missing)}: choose from {', '.join(sorted(FILE_KINDS))}."
    if not spec.views or any(view.acquired_at != truncated(view.acquired_at) for view in spec.views):
        yield "Give at least one view, each acquired at a whole tenth of a second, as the stamps are."
    if any(view.acquired_at.utcoffset() != timedelta(0) for view in spec.views):
        yield "Views are acquired at a time in UTC: give acquired_at its zone."
