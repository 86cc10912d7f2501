"""The request of /stereo/search: one model for GET and POST, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from stac_fastapi.types.search import Limit

from footprints import StereoLimits
from footprints.stereo.suitability import CHAIN_PREFERENCES
from stac_api.filters import Filter, conjunction
from stac_api.intervals import lenient_interval
from stac_api.query_strings import FilterCrs
from stac_api.stereo.parameters import Ends, Range, Share, SortKey, Texts, cql2, listed, numbers, parsed, sort_keys

SETS_PER_PAGE = 100
DAYS_BETWEEN_DATES = 30
LONGEST_PASS_S = 1800.0  #: the satellite sees a place again an orbit later, after some 99 minutes
STORED = StereoLimits()  #: sets within these limits are Items of the catalogue
VIEW_COUNTS = {"stereo": 2, "tri-stereo": 3}

Mode = Literal["stereo", "tri-stereo", "multi-view"]
Chain = Literal["dsm-opt", "cars", "asp", "micmac"]


@dataclass(frozen=True)
class Ranged:
    """The property that a range is about."""

    property: str
    highest: float  #: highest possible value; the lowest is 0


RANGED: Mapping[str, Ranged] = MappingProxyType(
    {
        "convergence": Ranged("stereo:convergence_angle", 180),
        "base_to_height": Ranged("stereo:base_to_height", 100),
        "bie": Ranged("stereo:bisector_elevation_angle", 90),
        "asymmetry": Ranged("stereo:asymmetry_angle", 90),
        "overlap": Ranged("stereo:overlap", 1),
        "time_span": Ranged("stereo:time_span", LONGEST_PASS_S),
        "cloud": Ranged("stereo:cloud_cover_max", 100),
        "aoi_cloud": Ranged("stereo:aoi_cloud_cover", 100),
    }
)

BEST_FIRST = SortKey(field="stereo:suitability", direction="desc")


class StereoSearch(BaseModel):
    """A search of stereo sets; ranges are `low/high`, with `..` for an open end, or lists of two numbers."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)

    collections: Texts | None = Field(None, description="Collections of stereo sets, or of images to find sets among.")
    ids: Texts | None = Field(None, description="Ids of sets.")
    bbox: Annotated[Annotated[list[float], Field(min_length=4)] | None, BeforeValidator(numbers)] = Field(
        None, description="The common overlap intersects it: west, south, east, north in degrees."
    )
    intersects: Annotated[dict[str, Any] | None, BeforeValidator(parsed)] = Field(
        None, description="The common overlap intersects this GeoJSON geometry."
    )
    datetime: Annotated[str | None, BeforeValidator(lenient_interval)] = Field(
        None, description="A time or an interval between the first and the last view."
    )
    filter_expr: Annotated[dict[str, Any] | None, BeforeValidator(cql2)] = Field(
        None, alias="filter", description="A CQL2 filter over the properties of sets, as text or JSON."
    )
    filter_lang: Literal["cql2-text", "cql2-json"] | None = Field(
        None, alias="filter-lang", description="The language of `filter`; it is told apart without."
    )
    filter_crs: FilterCrs | None = Field(None, alias="filter-crs")
    sortby: Annotated[list[SortKey], BeforeValidator(sort_keys)] = Field(
        [BEST_FIRST], description="Properties with `-` for the greatest first; the most suitable first when left out."
    )
    limit: Limit = Field(SETS_PER_PAGE, description="How many sets on a page.")
    token: str | None = Field(None, description="Of the link to the next page.")
    mode: Annotated[Annotated[list[Mode], Field(min_length=1)] | None, BeforeValidator(listed)] = Field(
        None, description="Kinds of sets; stereo and tri-stereo when left out, stereo alone with multi_date."
    )
    convergence: Range | None = Field(None, description="Convergence of the outer views, degrees.")
    base_to_height: Range | None = Field(None, description="2 tan(convergence / 2).")
    bie: Range | None = Field(None, description="Elevation of the bisector, degrees.")
    asymmetry: Range | None = Field(None, description="Asymmetry, degrees.")
    overlap: Share | None = Field(None, description="Common area over the smallest footprint, 0 to 1.")
    time_span: Range | None = Field(None, description="Seconds between the first and the last view.")
    cloud: Range | None = Field(None, description="Cloud cover of every view, percent.")
    aoi_coverage: float | None = Field(
        None, ge=0, le=1, description="Least share of bbox or intersects inside the common overlap."
    )
    aoi_cloud: Range | None = Field(
        None, description="What clouds hide, in the cloudiest view, of bbox or intersects inside the overlap, percent."
    )
    preset: Chain | None = Field(None, description="The angles that a chain asks for; it never widens the search.")
    multi_date: bool = Field(False, description="Pairs of different passes or satellites, and no others.")
    max_days: float | None = Field(None, gt=0, le=366, description="Between both dates; 30 when left out.")
    max_sun_difference: float | None = Field(
        None, ge=0, le=180, description="Of azimuth and of elevation between both dates, degrees."
    )
    cover: bool = Field(False, description="A few sets that cover bbox or intersects together, by a greedy choice.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for name, about in RANGED.items():
            ends = getattr(self, name) or ()
            _require(
                all(end is None or 0 <= end <= about.highest for end in ends),
                f"{name} lies between 0 and {about.highest:g}",
            )
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        has_area = bool(self.bbox or self.intersects)
        _require(not (self.bbox and self.intersects), "give bbox or intersects, not both")
        _require(has_area or not self.cover, "cover needs bbox or intersects")
        _require(has_area or self.aoi_coverage is None, "aoi_coverage needs bbox or intersects")
        _require(has_area or self.aoi_cloud is None, "aoi_cloud needs bbox or intersects")
        _require(not (self.cover and self.token), "the answer of cover is one page")
        _require(not (self.preset and "multi-view" in self.modes), "a preset is about stereo and tri-stereo")
        self._require_consistent_dates()
        return self

    def _require_consistent_dates(self) -> None:
        _require(self.multi_date or not self.max_days, "max_days goes with multi_date")
        _require(self.multi_date or self.max_sun_difference is None, "max_sun_difference goes with multi_date")
        _require(not self.multi_date or self.modes == ["stereo"], "multi_date finds pairs only: mode stereo")
        _require(not (self.multi_date and self.time_span), "multi_date goes with max_days, not with time_span")

    @property
    def modes(self) -> Sequence[Mode]:
        """The kinds of sets that are wanted."""
        return self.mode or (["stereo"] if self.multi_date else ["stereo", "tri-stereo"])

    @property
    def reach_s(self) -> float:
        """How far apart the views of one set may be, in seconds."""
        return (self.max_days or DAYS_BETWEEN_DATES) * 86400 if self.multi_date else self.limits.pass_s

    @property
    def limits(self) -> StereoLimits:
        """The thresholds of the finder: the usual ones, wider where a range reaches beyond them."""
        lowest, highest = self.convergence or (None, None)
        smallest, _ = self.overlap or (None, None)
        _, longest_s = self.time_span or (None, None)
        return replace(
            STORED,
            min_convergence_deg=_least(lowest, STORED.min_convergence_deg),
            min_consecutive_deg=_least(lowest, STORED.min_consecutive_deg),
            max_convergence_deg=_most(highest if "stereo" in self.modes else None, STORED.max_convergence_deg),
            max_outer_deg=_most(highest if "tri-stereo" in self.modes else None, STORED.max_outer_deg),
            min_overlap=_least(smallest, STORED.min_overlap),
            pass_s=_most(longest_s, STORED.pass_s),
        )

    @property
    def measures_area(self) -> bool:
        """Whether sets are measured against the area: how much of it they show, and how much of that clouds hide."""
        return self.cover or self.aoi_coverage is not None or self.aoi_cloud is not None

    @property
    def is_answered_by_stored_sets(self) -> bool:
        """Whether all wanted sets are Items of the catalogue."""
        is_plain = not (self.multi_date or self.measures_area or "multi-view" in self.modes)
        return is_plain and self.limits == STORED

    def condition(self) -> Filter | None:
        """The condition on the properties of the sets, as CQL2 JSON; None if there is none."""
        ranges = [(about.property, getattr(self, name)) for name, about in RANGED.items()]
        turn = (None, self.max_sun_difference)
        ranges += [(f"stereo:sun_{angle}_difference", turn) for angle in ("azimuth", "elevation")]
        return conjunction(
            self._named_modes(),
            *(each for name, ends in ranges for each in comparisons(name, ends or (None, None))),
            self._preferred_angles(),
            self.filter_expr,
        )

    def _named_modes(self) -> Filter | None:
        """The condition on the named kinds; None if none is named, as checking each set takes time."""
        return {"op": "in", "args": [{"property": "stereo:mode"}, list(self.mode)]} if self.mode else None

    def _preferred_angles(self) -> Filter | None:
        if self.preset is None:
            return None
        preference = CHAIN_PREFERENCES[self.preset]
        angles = RANGED["convergence"].property
        of_modes = [
            conjunction(
                {"op": "=", "args": [{"property": "stereo:mode"}, mode]},
                *comparisons(angles, preference.outer_bounds_deg(VIEW_COUNTS[mode])),
            )
            for mode in self.modes
        ]
        return {"op": "or", "args": of_modes} if len(of_modes) > 1 else of_modes[0]


def comparisons(name: str, ends: Ends) -> list[Filter]:
    """The comparisons of a property with both ends, as CQL2 JSON; none for an open end."""
    return [
        {"op": operator, "args": [{"property": name}, end]}
        for operator, end in zip((">=", "<="), ends, strict=True)
        if end is not None
    ]


def _least(wanted: float | None, usual: float) -> float:
    return usual if wanted is None else min(wanted, usual)


def _most(wanted: float | None, usual: float) -> float:
    return usual if wanted is None else max(wanted, usual)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def query_parameters() -> list[dict[str, Any]]:
    """The fields of a search as parameters of a query string, for OpenAPI."""
    schema = StereoSearch.model_json_schema(by_alias=True)
    return [
        {"name": name, "in": "query", "required": False, "description": field.get("description", "")}
        | {"schema": _schema_in_query(field)}
        for name, field in schema["properties"].items()
    ]


def _schema_in_query(field: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a field in a query string, where lists and objects are texts."""
    kinds = [each for each in field.get("anyOf", [field]) if each.get("type") != "null"]
    plain = [each for each in kinds if each.get("type") in ("string", "number", "integer", "boolean")]
    return {key: value for key, value in (plain or [{"type": "string"}])[0].items() if key != "description"}
