"""Errors of the API: the docstring is the message, the argument says where and what."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request


class ApiError(Exception):
    """The request cannot be answered."""

    def __str__(self) -> str:
        detail = super().__str__()
        summary = (type(self).__doc__ or "").strip().splitlines()[0]
        return f"{summary} {detail}".strip()


class HTTPProblem(ApiError):
    """The request is refused."""

    status: int = HTTPStatus.FORBIDDEN
    code: str = "Forbidden"

    def members(self, _request: Request) -> Mapping[str, Any]:
        """Additional members of its problem document."""
        return {}

    @property
    def headers(self) -> Mapping[str, str]:
        """Additional headers of its answer."""
        return {}


class UndeclaredProperty(ApiError):
    """Only the properties listed under /queryables can be searched and sorted."""


class NotAnArea(ApiError):
    """The area is not usable: give a bbox of finite degrees or a valid GeoJSON geometry."""


class UnusableFilter(ApiError):
    """The filter is not usable: give a condition that is true or false, in CQL2 text or CQL2 JSON."""


class PageGone(ApiError):
    """This page cannot be found any more: the Item beside it has left the catalogue. Begin the search again."""


class UnknownOperator(ApiError):
    """The `query` parameter knows eq, neq, lt, lte, gt, gte, in, startsWith, endsWith and contains."""


class UnusableSince(ApiError):
    """Give `since` the cursor of the last answer or a time (RFC 3339, UTC), or leave it out to start again."""


class UnusableStereoSearch(ApiError):
    """This search of stereo sets cannot be answered."""


class TooManyImages(ApiError):
    """Too many images to find stereo sets among: narrow bbox, datetime, cloud or collections."""


class ItemWithdrawn(ApiError):
    """This Item was withdrawn from the collection."""


class AssetNotFound(ApiError):
    """There is no such file."""


class AssetNotServed(ApiError):
    """This file is catalogued, but cannot be had from here."""
