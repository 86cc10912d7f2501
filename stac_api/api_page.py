"""The page `/api.html`: the interactive OpenAPI description, without anything fetched from other hosts."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.responses import HTMLResponse

#: Where the scripts and styles of Swagger UI are served; they come from the package fastapi-offline.
SCRIPTS = "/api-page"


def add_api_page(app: FastAPI) -> None:
    """Replace FastAPI's page, whose scripts come from a public host, by our own.

    Its addresses are relative, so that it works under any public URL.
    """
    page = str(app.docs_url)
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", None) != page]
    app.mount(SCRIPTS, StaticFiles(packages=[("fastapi_offline", "static")]), name="api-page")
    scripts = SCRIPTS.lstrip("/")

    # The name under which stac-fastapi looks for the page when it writes the landing page.
    @app.get(page, name="swagger_ui_html", include_in_schema=False)
    async def api_page() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=str(app.openapi_url).lstrip("/"),
            title=app.title,
            swagger_js_url=f"{scripts}/swagger-ui-bundle.js",
            swagger_css_url=f"{scripts}/swagger-ui.css",
            swagger_favicon_url=f"{scripts}/favicon.png",
        )
