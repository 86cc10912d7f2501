"""The JSON Schemas of our own STAC extensions, which no other site serves: /extensions/{name}/{version}/schema.json."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated

import attr
from fastapi import APIRouter, FastAPI, Path
from stac_fastapi.types.errors import NotFoundError
from stac_fastapi.types.extension import ApiExtension
from starlette.responses import Response

SCHEMA_JSON = "application/schema+json"

#: The documents, by name and version of the extension.
SCHEMAS = {
    each.name.removesuffix(".json"): each.read_text(encoding="utf-8")
    for each in (files("stac_api") / "schemas").iterdir()
    if each.name.endswith(".json")
}


@attr.s
class ExtensionSchemas(ApiExtension):
    """The route of the schemas."""

    def register(self, app: FastAPI) -> None:
        """Add the route."""
        router = APIRouter(prefix=app.state.router_prefix, tags=["Extension schemas"])
        router.add_api_route(
            "/extensions/{name}/{version}/schema.json",
            self.schema,
            methods=["GET"],
            name="JSON Schema of a STAC extension",
            operation_id="extension_schema",
            responses={200: {"content": {SCHEMA_JSON: {}}}},
        )
        app.include_router(router)

    async def schema(
        self,
        name: Annotated[str, Path(description="Name of the extension, such as `stereo`")],
        version: Annotated[str, Path(description="Version, such as `v1.0.0`")],
    ) -> Response:
        """The schema, which never changes within a version.

        Raises:
            NotFoundError: there is no such extension, or not in that version.
        """
        text = SCHEMAS.get(f"{name}-{version}")
        if text is None:
            raise NotFoundError(f"There is no schema of {name} {version}; there are {', '.join(sorted(SCHEMAS))}.")
        return Response(text, media_type=SCHEMA_JSON, headers={"Cache-Control": "public, max-age=86400"})
