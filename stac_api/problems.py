"""Every refusal of the API: one table from exception to status, one shape of answer (RFC 9457 problem+json).

QGIS can only show text, and sends no Accept header for JSON: it gets the same as plain text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from json import JSONDecodeError
from logging import getLogger
from typing import Any

from asyncpg import exceptions as postgres
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticSerializationError
from stac_fastapi.types.errors import InvalidQueryParameter, NotFoundError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stac_api.errors import (
    AssetNotFound,
    AssetNotServed,
    HTTPProblem,
    ItemWithdrawn,
    NotAnArea,
    PageGone,
    TooManyImages,
    UndeclaredProperty,
    UnknownOperator,
    UnusableFilter,
    UnusableSince,
    UnusableStereoSearch,
)
from stac_api.request_log import request_id

logger = getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
LONGEST_DETAIL = 600


class Problem(BaseModel):
    """A refusal in the form of RFC 9457, with the `code` and `description` of the STAC API."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    description: str = Field(description="The same text as `detail`, under the name that STAC clients read.")
    request_id: str = Field(description="Also in the X-Request-ID header and in the server's log.")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """How one kind of exception is answered.

    `detail` replaces the exception's own message where that is not meant for readers.
    """

    status: int
    code: str
    detail: str | None = None


INVALID = Refusal(status=400, code="InvalidParameter")
UNREADABLE = Refusal(
    status=400, code="InvalidParameter", detail="The request is not readable: check its JSON and its characters."
)
NOT_FOUND = Refusal(status=404, code="NotFound")
UNAVAILABLE = Refusal(
    status=503, code="Unavailable", detail="The catalogue's database does not answer now. Try again in a moment."
)
TOO_LONG = Refusal(
    status=503,
    code="TookTooLong",
    detail="The search takes longer than this server allows: narrow area, dates or collections, or name fewer things.",
)
FAILED = Refusal(status=500, code="ServerError", detail="The server failed. Report the request id to its operator.")

REFUSALS: Mapping[type[Exception], Refusal] = {
    NotFoundError: NOT_FOUND,
    InvalidQueryParameter: INVALID,
    RequestValidationError: INVALID,
    ValidationError: INVALID,
    JSONDecodeError: UNREADABLE,
    UnicodeError: UNREADABLE,
    RecursionError: UNREADABLE,
    PydanticSerializationError: UNREADABLE,
    UndeclaredProperty: INVALID,
    NotAnArea: INVALID,
    PageGone: INVALID,
    UnusableFilter: INVALID,
    UnknownOperator: INVALID,
    UnusableSince: INVALID,
    UnusableStereoSearch: INVALID,
    TooManyImages: Refusal(status=413, code="TooManyImages"),
    ItemWithdrawn: Refusal(status=410, code="Gone"),
    AssetNotFound: NOT_FOUND,
    AssetNotServed: Refusal(status=501, code="AssetNotServed"),
    # pgSTAC builds its SQL from what the client wrote, so an error of a statement is the client's:
    # a function that does not exist, a page token that is none.
    postgres.PostgresError: INVALID,
    postgres.InternalServerError: INVALID,  # as PostGIS reports bad geometries
    # These are not the client's: the server, its disk, its load, its migration.
    postgres.DataCorruptedError: FAILED,
    postgres.IndexCorruptedError: FAILED,
    postgres.PostgresConnectionError: UNAVAILABLE,
    postgres.InsufficientResourcesError: UNAVAILABLE,
    postgres.OperatorInterventionError: UNAVAILABLE,
    postgres.QueryCanceledError: TOO_LONG,
    postgres.PostgresSystemError: UNAVAILABLE,
    postgres.TransactionRollbackError: UNAVAILABLE,
    postgres.InvalidTransactionStateError: UNAVAILABLE,
    postgres.InvalidAuthorizationSpecificationError: UNAVAILABLE,
    postgres.InvalidCatalogNameError: UNAVAILABLE,
    postgres.InsufficientPrivilegeError: UNAVAILABLE,
    postgres.InvalidSchemaNameError: UNAVAILABLE,
    postgres.UndefinedTableError: UNAVAILABLE,
    postgres.InterfaceError: UNAVAILABLE,
    # The connection broke during a query.
    postgres.InternalClientError: UNAVAILABLE,
    OSError: UNAVAILABLE,
}


#: What to give for parameters that accept several types.
_CHOICES = {
    "bbox": "4 or 6 numbers: west, south, east, north in degrees, with lowest and highest before east and at the end",
    "intersects": 'a whole GeoJSON geometry, such as {"type": "Point", "coordinates": [5.37, 43.3]}',
}
_INTERVAL = "datetime: give a time with its zone, or two with the earlier one first, such as 2026-01-31T00:00:00Z/.."
#: Replacements for unhelpful messages of the framework.
_MENDED_WORDS = {
    "Invalid RFC3339 datetime.": _INTERVAL,
    "Start datetime cannot be before end datetime.": _INTERVAL,
}


def add_error_handlers(app: FastAPI) -> None:
    """Answer every exception of the table, and every HTTP error of the framework, with a problem document."""
    for kind in (*REFUSALS, HTTPProblem, HTTPException):
        app.add_exception_handler(kind, answer)


async def answer(request: Request, error: Exception) -> Response:
    """The answer to a failed request; failures that are not the client's fault are logged."""
    response = problem_response(request, error)
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        # While the database is down each request ends here: the reason suffices, a traceback would not help.
        reason = f"{type(error).__name__}: {error}"
        logger.error("%s %s failed: %s", request.method, request.url.path, " ".join(reason.split()))
    elif response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return response


def problem_response(request: Request, error: Exception) -> Response:
    """The problem document of any exception, or its plain text."""
    if isinstance(error, HTTPException):
        detail = _MENDED_WORDS.get(str(error.detail), str(error.detail))
        return _document(request, error.status_code, _code_of(error.status_code), detail, error.headers)
    if isinstance(error, HTTPProblem):
        members = error.members(request)
        return _document(request, error.status, error.code, str(error), error.headers, members)
    refusal = _refusal(error)
    headers = {"Retry-After": "5"} if refusal is UNAVAILABLE else None
    return _document(request, refusal.status, refusal.code, refusal.detail or _words_of(error), headers)


def _code_of(status: int) -> str:
    phrase = HTTPStatus(status).phrase.title().replace(" ", "")
    return INVALID.code if status == INVALID.status else phrase


def _refusal(error: Exception) -> Refusal:
    return next((REFUSALS[kind] for kind in type(error).__mro__ if kind in REFUSALS), FAILED)


def _document(
    request: Request,
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None,
    members: Mapping[str, Any] | None = None,
) -> Response:
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        description=detail,
        request_id=request_id(request.scope),
        **(members or {}),
    )
    if _wants_words(request):
        return PlainTextResponse(_in_words(problem.detail, members or {}), status, headers)
    return JSONResponse(problem.model_dump(), status, headers=headers, media_type=PROBLEM_JSON)


def _wants_words(request: Request) -> bool:
    """Whether a reading client does not declare that it accepts JSON."""
    accepted = request.headers.get("accept", "")
    return request.method == "GET" and not any(each in accepted for each in ("json", "*/*", "application/*"))


def _in_words(detail: str, members: Mapping[str, Any]) -> str:
    actions = (f"{each['title']}: {each['method']} {each['href']}" for each in members.get("actions", ()))
    return "\n".join((detail, *actions))


def _words_of(error: Exception) -> str:
    # Neither the rejected input, which may be anything, nor the SQL around it belongs in an answer.
    if isinstance(error, RequestValidationError | ValidationError):
        text = "; ".join(dict.fromkeys(map(_words_of_field, error.errors())))
    elif isinstance(error, postgres.PostgresError):
        text = " ".join(filter(None, (error.args[0] if error.args else "", error.hint)))
    else:
        text = str(error)
    return text[:LONGEST_DETAIL] or HTTPStatus(_refusal(error).status).phrase


def _words_of_field(fault: Mapping[str, Any]) -> str:
    steps = [str(step) for step in fault["loc"] if step not in ("query", "body")]
    where = ".".join(steps)
    # For a choice of types, pydantic reports in its own names what is wrong with each.
    if len(steps) > 1 and steps[0] in _CHOICES:
        return f"{steps[0]}: give {_CHOICES[steps[0]]}"
    return f"{where}: {fault['msg']}" if where else str(fault["msg"])


class UnexpectedErrors:
    """The last resort: an unexpected exception is logged once and answered with a problem document."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer it if an exception escapes."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http":
                raise
            logger.exception("%s %s failed", scope["method"], scope["path"])
            if not started:
                await problem_response(Request(scope), error)(scope, receive, send)
