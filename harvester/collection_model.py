"""What a collection document may say: the published Collection, its translations, and how it is harvested."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from croniter import CroniterBadDateError, croniter
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from database.documents.forms import Form
from harvester.sensors import CommonName, Name

MADE_BY_THE_API = frozenset(
    {
        "self",
        "root",
        "parent",
        "child",
        "item",
        "items",
        "data",
        "search",
        "queryables",
        "changes",
        "http://www.opengis.net/def/rel/ogc/1.0/queryables",
    }
)

_SECRET_NAMES = re.compile(r"pass|secret|token|credential|api_?key", re.IGNORECASE)


class Strict(BaseModel):
    """A mapping in which an unknown key is an error and no value is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https", "ftp", "sftp", "s3") or not parts.netloc:
        raise ValueError("write an absolute address such as https://example.org/page")
    if parts.username or parts.password:
        raise ValueError("credentials do not belong in an address: give them to the harvester's settings")
    return text


def _source_address(text: str) -> str:
    return text if text.startswith(("/", "file:///")) else _url(text)


def _instant(text: str) -> str:
    if not text.endswith("Z"):
        raise ValueError('write the time in UTC, such as "2012-01-31T00:00:00Z"')
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f'{error}: write the time such as "2012-01-31T00:00:00Z"') from error
    return text


def _scalar(value: Any) -> Any:
    if not isinstance(value, str | int | float | bool):
        raise ValueError("write a text, a number, true or false")  # noqa: TRY004 - pydantic reports ValueError only
    return value


def _unique(values: list[str]) -> list[str]:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} stands twice: keep one")
    return values


Text = Annotated[str, Form(r"\S", "a text here")]
Url = Annotated[Text, AfterValidator(_url)]
#: The address of a source: also an absolute path on the machine that harvests.
SourceAddress = Annotated[Text, AfterValidator(_source_address)]
Scalar = Annotated[Any, BeforeValidator(_scalar)]
Texts = Annotated[list[Text], Field(min_length=1), AfterValidator(_unique)]
CollectionId = Annotated[
    str,
    Form(
        r"^[a-z0-9][a-z0-9-]{0,63}$",
        "at most 64 lower-case letters without accents, digits and hyphens, with no hyphen first",
    ),
]
Language = Literal["fr", "en"]


class Provider(Strict):
    """An organisation that made, licenses, processes or serves the data."""

    name: Text
    roles: Annotated[list[Literal["licensor", "producer", "processor", "host"]], Field(min_length=1)]
    url: Url | None = None
    description: Text | None = None


def _bbox(values: list[float]) -> list[float]:
    west, south, east, north = values
    if not (-180 <= west <= 180 and -180 <= east <= 180):
        raise ValueError("longitudes run from -180 to 180; the order is west, south, east, north")
    if not -90 <= south <= north <= 90:
        raise ValueError("latitudes run from -90 to 90, south before north; the order is west, south, east, north")
    return values


def _boxes(boxes: list[list[float]]) -> list[list[float]]:
    if len(boxes) == 2:
        raise ValueError("write one box, or the overall box followed by at least two parts of it")
    return boxes


Box = Annotated[list[float], Field(min_length=4, max_length=4), AfterValidator(_bbox)]


class SpatialExtent(Strict):
    """Boxes in WGS 84 degrees: west, south, east, north; west greater than east crosses the antimeridian."""

    bbox: Annotated[list[Box], Field(min_length=1), AfterValidator(_boxes)]


def _interval(ends: list[str | None]) -> list[str | None]:
    start, end = ends
    if start is None and end is None:
        raise ValueError("one end of the interval must be known")
    if start is not None and end is not None and datetime.fromisoformat(start) > datetime.fromisoformat(end):
        raise ValueError("the interval ends before it begins: exchange the two times")
    return ends


Instant = Annotated[str, AfterValidator(_instant)]
Interval = Annotated[list[Instant | None], Field(min_length=2, max_length=2), AfterValidator(_interval)]


class TemporalExtent(Strict):
    """Intervals in UTC; null is an open end."""

    interval: Annotated[list[Interval], Field(min_length=1)]


class Extent(Strict):
    """The declared extent; a harvest refreshes it from the Items."""

    spatial: SpatialExtent
    temporal: TemporalExtent


class Band(Strict):
    """One spectral band, named as the vendor names it; wavelengths in micrometres."""

    name: Text
    description: Text | None = None
    gsd: Annotated[float, Field(gt=0)] | None = None  #: metres
    common_name: CommonName | None = Field(None, alias="eo:common_name")
    center_wavelength: Annotated[float, Field(gt=0, lt=100)] | None = Field(None, alias="eo:center_wavelength")
    full_width_half_max: Annotated[float, Field(gt=0, lt=100)] | None = Field(None, alias="eo:full_width_half_max")


class ItemAsset(Strict):
    """What the Items of the collection offer under one asset key, without the vendor's job number."""

    title: Text
    description: Text | None = None
    type: Text | None = None
    roles: Texts
    gsd: Annotated[float, Field(gt=0)] | None = None  #: metres
    data_type: Text | None = None
    unit: Text | None = None
    bands: Annotated[list[Band], Field(min_length=1)] | None = None


class Range(Strict):
    """The minimum and maximum of a property."""

    minimum: Scalar
    maximum: Scalar

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        try:
            ordered = self.minimum <= self.maximum
        except TypeError as error:
            raise ValueError("minimum and maximum must be two numbers or two texts") from error
        if not ordered:
            raise ValueError("minimum is greater than maximum: exchange them")
        return self


def _summary_kind(value: Any) -> str:
    return "range" if isinstance(value, dict | Range) else "values"


Summary = Annotated[
    Annotated[Range, Tag("range")] | Annotated[list[Scalar], Field(min_length=1), Tag("values")],
    Discriminator(_summary_kind),
]


class Summaries(BaseModel):
    """The values that the Items have: a list, or a range; bands in the order of the sensor, not of the pixels."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, Summary]

    bands: Annotated[list[Band], Field(min_length=1)] | None = None


def _not_made_by_the_api(rel: str) -> str:
    if rel in MADE_BY_THE_API:
        raise ValueError(f"the API makes the link {rel!r} itself: remove it here")
    return rel


class Link(Strict):
    """A link to something outside the catalogue: licence, description, map service."""

    rel: Annotated[Text, AfterValidator(_not_made_by_the_api)]
    href: Url
    type: Text | None = None
    title: Text | None = None
    hreflang: Text | None = None
    wmts_layer: Text | Texts | None = Field(None, alias="wmts:layer")
    wmts_dimensions: dict[str, str] | None = Field(None, alias="wmts:dimensions")


class PublishedCollection(Strict):
    """The STAC Collection in French, without what the API adds."""

    id: CollectionId
    title: Text
    description: Text
    keywords: Texts
    license: Annotated[str, Form(r"^[\w.+-]+$", "the SPDX id of the licence, such as CC-BY-4.0, or other")]
    attribution: Text | None = None
    providers: Annotated[list[Provider], Field(min_length=1)]
    extent: Extent
    summaries: Summaries = Summaries()
    item_assets: Annotated[dict[str, ItemAsset], Field(min_length=1)] | None = None
    links: list[Link] = []
    stac_extensions: list[Url] = []


class AssetTranslation(Strict):
    """The words of one Item asset in another language."""

    title: Text
    description: Text | None = None


class Translation(Strict):
    """The words of the Collection in another language."""

    title: Text
    description: Text
    keywords: Texts
    item_assets: dict[str, AssetTranslation] = {}


class Accepts(Strict):
    """Which deliveries go to this collection unless the operator says otherwise."""

    missions: Texts  #: satellite codes as the vendor writes them: PHR1A, SPOT6
    profiles: Annotated[list[Text], AfterValidator(_unique)] = []  #: beginnings of METADATA_PROFILE; none = any
    priority: int = 0  #: the highest wins where several documents accept one mission


SourceName = Literal[
    "csw",
    "deliveries",
    "geodes",
    "geonetwork",
    "ign",
    "oneatlas",
    "oneatlas-sar",
    "openspot",
    "resto",
    "stac",
]


#: The options that are written beside those of one kind of source, as most kinds have them.
SHARED_OPTIONS = frozenset({"url", "rate", "page_size", "timeout_s", "allowed_hosts"})


def _options_alone(options: dict[str, Any]) -> dict[str, Any]:
    if shared := sorted(SHARED_OPTIONS & options.keys()):
        raise ValueError(f"write the {', '.join(shared)} beside the options, not in them")
    for value in (value for name, value in options.items() if name.endswith("_url") and isinstance(value, str)):
        _url(value)
    secrets = sorted(name for name in options if _SECRET_NAMES.search(name) and not name.endswith("_url"))
    if secrets:
        raise ValueError(f"{', '.join(secrets)}: credentials do not belong here, give them to the harvester's settings")
    return options


def _cron(text: str) -> str:
    if not croniter.is_valid(text) or len(text.split()) != 5:
        raise ValueError(f"{text!r} is no cron expression: write minute hour day month weekday, such as '30 2 * * *'")
    try:
        croniter(text).get_next()
    except CroniterBadDateError as error:
        raise ValueError(f"{text!r} never comes: none of its months has such a day") from error
    return text


Cron = Annotated[Text, AfterValidator(_cron)]


class WithdrawalRules(Strict):
    """When records that a source no longer gives leave the catalogue."""

    by_absence: bool = True  #: false where the source never shows all it has
    grace_days: Annotated[float, Field(ge=0)] = 7  #: how long a record may be absent from complete runs
    max_share: Annotated[float, Field(ge=0, le=1)] = 0.05  #: of the active records that one run may withdraw


#: How the addresses that a kind of source reads begin, and one of them.
_READ_OVER_HTTP = (("http:", "https:"), "https://example.org/")
_READ = {
    "deliveries": (("/", "file:", "ftp:", "sftp:", "s3:"), "/archive or sftp://example.org/archive"),
    "stac": (("http:", "https:", "file:"), "https://example.org/"),
}

#: The kinds of source that ask for no credentials.
_OPEN = frozenset({"geodes", "ign", "openspot", "resto"})


class SourceChoice(Strict):
    """One source of the collection's records and its options, except the values of credentials."""

    source: SourceName
    name: Name | None = None  #: to tell two of one kind apart; the kind by default
    url: SourceAddress | None = None
    credentials: Name | None = None  #: what the operator calls them: DINAMIS_SOURCE_<NAME>_API_KEY and so on
    rate: Annotated[float, Field(gt=0)] | None = None  #: requests per second, at most
    concurrency: Annotated[int, Field(ge=1, le=16)] = 1  #: how many jobs may ask its host at once
    page_size: Annotated[int, Field(ge=1, le=1000)] | None = None  #: records
    timeout_s: Annotated[float, Field(gt=0)] | None = None
    allowed_hosts: list[Text] = []  #: that may be asked besides that of `url`
    schedule: Cron | None = None  #: when changes are harvested, UTC
    full_schedule: Cron | None = None  #: when everything is harvested, so that missing records are noticed, UTC
    stale_after_days: Annotated[float, Field(gt=0)] | None = None  #: after so long without a good run somebody is told
    withdrawals: WithdrawalRules = WithdrawalRules()
    options: Annotated[
        dict[str, Scalar | list[Scalar] | dict[str, Scalar | list[Scalar]]], AfterValidator(_options_alone)
    ] = {}

    @model_validator(mode="after")
    def _is_where_its_kind_reads(self) -> Self:
        read, example = _READ.get(self.source, _READ_OVER_HTTP)
        if self.url and not self.url.startswith(read):
            raise ValueError(f"{self.source} does not read {self.url}: write an address such as {example}")
        return self

    @model_validator(mode="after")
    def _has_use_for_its_credentials(self) -> Self:
        if self.credentials and self.source in _OPEN:
            raise ValueError(f"{self.source} asks for no credentials: remove them here")
        return self

    @property
    def label(self) -> str:
        """The name of the source in its collection."""
        return self.name or self.source

    @property
    def given_options(self) -> dict[str, Any]:
        """What the document says of the options of its source, shared ones included."""
        return {**self.options, **self.model_dump(include=set(SHARED_OPTIONS), exclude_defaults=True)}


def _distinct(sources: list[SourceChoice]) -> list[SourceChoice]:
    labels = [source.label for source in sources]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} stands twice: give one of them another name")
    return sources


class Harvest(Strict):
    """Where the records come from: the order of the sources is their precedence."""

    accepts: Accepts | None = None
    sources: Annotated[list[SourceChoice], AfterValidator(_distinct)] = []


class Expectations(Strict):
    """What a healthy collection has: a run that leaves it otherwise counts as failed."""

    min_items: Annotated[int, Field(ge=0)] | None = None
    max_items: Annotated[int, Field(ge=0)] | None = None
    required: Annotated[list[Text], AfterValidator(_unique)] = []  #: properties that every Item has
    max_refused_share: Annotated[float, Field(ge=0, le=1)] | None = None  #: of the records of one run


StereoMode = Literal["stereo", "tri-stereo"]


class StereoSets(Strict):
    """Which stereo sets are Items of this collection; the harvest finds them among the Items of others."""

    views: Annotated[list[CollectionId], Field(min_length=1), AfterValidator(_unique)]  #: collections of the views
    mode: StereoMode
    held: bool  #: true: all views are held; false: at least one is to be ordered


class QueryableTranslation(Strict):
    """The words of a queryable in another language."""

    title: Text
    description: Text | None = None


class Queryable(Strict):
    """The JSON Schema of one property that readers may filter on, its words in French."""

    title: Text
    description: Text | None = None
    type: Literal["string", "number", "integer", "boolean", "array"]
    format: Literal["date-time", "date", "uri"] | None = None
    enum: Annotated[list[Scalar], Field(min_length=1)] | None = None
    minimum: float | None = None
    maximum: float | None = None
    items: dict[Literal["type"], Literal["string", "number", "integer"]] | None = None
    translations: dict[Literal["en"], QueryableTranslation] = {}


QueryableName = Annotated[
    str,
    Form(
        r"^[A-Za-z][A-Za-z0-9_-]*(:[A-Za-z][A-Za-z0-9_-]*)?$",
        "a name of letters without accents, digits, hyphens and underscores, perhaps after a prefix and a colon",
    ),
]


class CollectionContent(Strict):
    """The whole document."""

    stac: PublishedCollection
    translations: dict[Literal["en"], Translation] = {}
    harvest: Harvest = Harvest()
    stereo: StereoSets | None = None
    expect: Expectations = Expectations()
    queryables: dict[QueryableName, Queryable] = {}
