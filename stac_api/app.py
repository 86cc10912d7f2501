"""The application: stac-fastapi-pgstac with our client, our extensions and our middlewares."""

from __future__ import annotations

from importlib.metadata import version

import orjson
from brotli_asgi import BrotliMiddleware
from fastapi import Depends, FastAPI, HTTPException, Request
from stac_fastapi.api.middleware import ProxyHeaderMiddleware
from stac_fastapi.pgstac.app import instantiate_api
from stac_fastapi.types.errors import InvalidQueryParameter
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute

from stac_api.access.answer_caching import AnswerCaching
from stac_api.access.credentials.oidc import Logins
from stac_api.access.credentials.resolver import Credentials
from stac_api.access.guards import guard_all_routes
from stac_api.api_page import add_api_page
from stac_api.body_limit import BodyLimit
from stac_api.client import CatalogueClient
from stac_api.connections import api_database, lifespan_of
from stac_api.downloads.gateway import AssetsExtension
from stac_api.extensions import catalogue_extensions
from stac_api.health import HealthExtension
from stac_api.intervals import LenientDatetimes
from stac_api.known_methods import HeadAsGet, tell_known_methods
from stac_api.openapi_document import describe_faithfully
from stac_api.problems import UnexpectedErrors, add_error_handlers
from stac_api.public_url import PublicUrl
from stac_api.request_log import ID_HEADER, RequestLog
from stac_api.settings import ApiSettings, stock_settings
from stac_api.stereo.routes import StereoExtension

#: STAC Browser sends credentials in Authorization or X-API-Key; stac-fastapi allows neither by default.
REQUEST_HEADERS = (
    "Accept-Language",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Range",
    "X-API-Key",
    ID_HEADER,
)
ANSWER_HEADERS = ("Accept-Ranges", "Content-Disposition", "Content-Language", "Content-Range", "ETag", ID_HEADER)


def create_app(settings: ApiSettings, conninfo: str) -> FastAPI:
    """The STAC API over one catalogue.

    Args:
        settings: The operator's settings.
        conninfo: The libpq connection string for the role of the API.
    """
    database = api_database(conninfo)
    stock = stock_settings(settings, version("dinamis-stac"))
    api = instantiate_api(
        client=CatalogueClient,
        extensions=catalogue_extensions(
            stock,
            AssetsExtension(public=settings.public_assets),
            HealthExtension(database=database),
            StereoExtension(most_images=settings.stereo_images),
        ),
        lifespan=lifespan_of(settings, database),
        settings=stock,
    )
    searches = [{"path": path, "method": "POST"} for path in ("/search", "/stereo/search")]
    api.add_route_dependencies(searches, [Depends(refuse_other_bodies)])
    app: FastAPI = api.app
    app.state.client = api.client
    app.state.api_settings = settings
    app.state.logins = Logins(settings.oidc_issuers, settings.oidc_audiences)
    app.user_middleware = _middlewares(settings)
    _drop_stock_health(app)
    add_error_handlers(app)
    tell_known_methods(app)
    describe_faithfully(app)
    add_api_page(app)
    guard_all_routes(app)
    return app


def _drop_stock_health(app: FastAPI) -> None:
    # Replaced by /healthz: the stock answer tells strangers where the database is.
    app.router.routes[:] = [route for route in app.router.routes if not _is_stock_health(route)]


def _is_stock_health(route: BaseRoute) -> bool:
    inner = getattr(route, "original_router", None)
    return inner is not None and any(each.path.startswith("/_mgmt/") for each in inner.routes)


async def refuse_other_bodies(request: Request) -> None:
    """Refuse a search body that is not a JSON object; the stock model would fail on it.

    Raises:
        HTTPException: it is not JSON by its Content-Type (415).
        JSONDecodeError: it is not JSON; the framework would accept NaN, which finds nothing.
        InvalidQueryParameter: it is a list, a number, null…
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise HTTPException(415, "Send the search with Content-Type: application/json.")
    if not isinstance(orjson.loads(await request.body()), dict):
        raise InvalidQueryParameter("The body of a search must be a JSON object.")


def _middlewares(settings: ApiSettings) -> list[Middleware]:
    """The middlewares around the routes, the outermost first."""
    base = (
        [Middleware(PublicUrl, url=settings.public_url)] if settings.public_url else [Middleware(ProxyHeaderMiddleware)]
    )
    return [
        Middleware(RequestLog),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "HEAD", "POST", "DELETE", "OPTIONS"),
            allow_headers=REQUEST_HEADERS,
            expose_headers=ANSWER_HEADERS,
            max_age=600,
        ),
        # A range of a compressed file would be a range of something else.
        Middleware(BrotliMiddleware, excluded_handlers=["/assets/"]),
        Middleware(UnexpectedErrors),
        *base,
        Middleware(LenientDatetimes),
        Middleware(AnswerCaching),
        Middleware(Credentials),
        Middleware(BodyLimit),
        Middleware(HeadAsGet),
    ]
