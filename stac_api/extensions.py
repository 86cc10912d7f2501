"""The STAC API extensions that are served, with our parts in place of the stock ones."""

from __future__ import annotations

from typing import Annotated, Any

import attr
from fastapi import FastAPI, Query
from pydantic import AfterValidator, BaseModel, Field
from stac_fastapi.extensions import (
    CollectionSearchFilterExtension,
    ItemCollectionFilterExtension,
    QueryExtension,
    SearchFilterExtension,
)
from stac_fastapi.extensions.filter.request import FilterLang
from stac_fastapi.extensions.query import QueryConformanceClasses
from stac_fastapi.pgstac.models.extensions import Extensions
from stac_fastapi.types.extension import ApiExtension
from stac_fastapi.types.search import APIRequest

from stac_api.access.accounts.extension import AccountsExtension
from stac_api.access.rules.routes import PoliciesExtension
from stac_api.changes import ChangesExtension
from stac_api.downloads.gateway import AssetsExtension
from stac_api.downloads.signing import SigningExtension
from stac_api.extension_schemas import ExtensionSchemas
from stac_api.filters import cql2_json
from stac_api.health import HealthExtension
from stac_api.query_strings import FilterCrs
from stac_api.queryables import Queryables
from stac_api.search_body import SearchBodyExtension
from stac_api.settings import StockSettings
from stac_api.stereo.routes import StereoExtension


class QueryBody(BaseModel):
    """The `query` of a search body; its operators are checked where they are translated."""

    query: dict[str, dict[str, Any]] | None = Field(
        None,
        description="Comparisons of properties: eq, neq, lt, lte, gt, gte, in, startsWith, endsWith, contains.",
        json_schema_extra={"examples": [{"eo:cloud_cover": {"lte": 10}}]},
    )


class FilterBody(BaseModel):
    """The `filter` of a search body; as text too, which clients send when they are told so."""

    filter_expr: Annotated[dict[str, Any] | str | None, AfterValidator(cql2_json)] = Field(
        None,
        alias="filter",
        description="A CQL2 filter: an object of CQL2 JSON, or a string of CQL2 text.",
        json_schema_extra={"examples": [{"op": "<=", "args": [{"property": "eo:cloud_cover"}, 10]}]},
    )
    filter_crs: FilterCrs | None = Field(
        None, alias="filter-crs", description="Coordinate reference system of geometries: only CRS84, the default."
    )
    filter_lang: FilterLang | None = Field(
        "cql2-json",
        alias="filter-lang",
        description="The language of `filter`; the server tells the two apart without it.",
    )


@attr.s
class NamedCollectionsRequest(APIRequest):
    """A parameter of the Items of one collection, which pystac-client names again when it lists them."""

    collections: Annotated[
        str | None,
        Query(description="Collections, with commas between several. Others than this one have no Items here."),
    ] = attr.ib(default=None)


@attr.s
class NamedCollectionsExtension(ApiExtension):
    """Lends this parameter to the route."""

    GET = NamedCollectionsRequest

    def register(self, app: FastAPI) -> None:
        """Nothing to add: the route takes the parameter from the model."""


@attr.s
class TranslatedQueryExtension(QueryExtension):
    """The Query extension with all its operators, translated into CQL2."""

    POST = QueryBody

    def register(self, app: FastAPI) -> None:
        """Nothing to add: the search routes take the field from the model."""


class CatalogueExtensions(Extensions):  # type: ignore[misc]  # untyped upstream
    """The stock set of extensions, in an order that lets `query` and `filter` stand together."""

    @property
    def search(self) -> list[ApiExtension]:
        """The extensions of /search."""
        # The stock model refuses `filter-lang` once it has seen a `query`, though `_search_base` translates it:
        # fields are validated in this order.
        extensions: list[ApiExtension] = super().search
        return sorted(extensions, key=lambda extension: isinstance(extension, QueryExtension))


def _lenient_filter(queryables: Queryables) -> SearchFilterExtension:
    # No class of our own: stac-fastapi links the queryables where it finds the name of this one.
    extension = SearchFilterExtension(client=queryables)
    extension.POST = FilterBody
    return extension


def catalogue_extensions(
    stock: StockSettings, assets: AssetsExtension, health: HealthExtension, stereo: StereoExtension
) -> CatalogueExtensions:
    """The extensions of the server."""
    queryables = Queryables()
    return CatalogueExtensions(
        settings=stock,
        search_map={
            "query": TranslatedQueryExtension(),
            "filter": _lenient_filter(queryables),
            "body": SearchBodyExtension(),
        },
        collection_search_map={
            "query": TranslatedQueryExtension(conformance_classes=[QueryConformanceClasses.COLLECTIONS]),
            "filter": CollectionSearchFilterExtension(client=queryables),
        },
        item_collection_map={
            "query": TranslatedQueryExtension(conformance_classes=[QueryConformanceClasses.ITEMS]),
            "filter": ItemCollectionFilterExtension(client=queryables),
            "collections": NamedCollectionsExtension(),
        },
        extra_map={
            "assets": assets,
            "signing": SigningExtension(public=assets.public),
            "changes": ChangesExtension(),
            "schemas": ExtensionSchemas(),
            "stereo": stereo,
            "health": health,
            "accounts": AccountsExtension(),
            "policies": PoliciesExtension(),
        },
    )
