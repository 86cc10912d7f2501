"""The routes of stereo: the search of sets, the sets that an image belongs to, and their pictures."""

from __future__ import annotations

from typing import Annotated, Any

import attr
from anyio import CapacityLimiter
from fastapi import APIRouter, FastAPI, Path, Query, Request
from stac_fastapi.api.models import GeoJSONResponse
from stac_fastapi.types.extension import ApiExtension
from stac_fastapi.types.search import Limit
from starlette.responses import Response

from stac_api.stereo.overview import PNG, overview
from stac_api.stereo.request import SETS_PER_PAGE, StereoSearch, query_parameters
from stac_api.stereo.search import found_sets, sets_of_image

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "An ItemCollection of stereo sets",
        "content": {GeoJSONResponse.media_type: {"schema": {"type": "object"}}},
    },
    413: {"description": "Too many images to find sets among"},
}


_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture", "content": {PNG: {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "The client has the current picture"},
    308: {"description": "The set has moved to another collection"},
}


@attr.s
class StereoExtension(ApiExtension):
    """The routes over stereo sets.

    Attributes:
        most_images: Maximum number of images among which one search finds sets on demand.
    """

    most_images: int = attr.ib(kw_only=True)
    _drawing: CapacityLimiter = attr.ib(factory=lambda: CapacityLimiter(1), init=False)

    def register(self, app: FastAPI) -> None:
        """Add the routes."""
        router = APIRouter(prefix=app.state.router_prefix, tags=["Stereo"])
        router.add_api_route(
            "/stereo/search",
            self.search,
            methods=["GET"],
            name="Search of stereo sets",
            operation_id="stereo_search",
            responses=_ANSWERS,
            openapi_extra={"parameters": query_parameters()},
        )
        router.add_api_route(
            "/stereo/search",
            self.posted_search,
            methods=["POST"],
            name="Search of stereo sets, asked for in the body",
            operation_id="post_stereo_search",
            responses=_ANSWERS,
        )
        router.add_api_route(
            "/collections/{collection_id}/items/{item_id}/stereo",
            self.sets_of_item,
            methods=["GET"],
            name="Stereo sets of an image",
            operation_id="stereo_sets_of_item",
            responses={200: _ANSWERS[200]},
        )
        router.add_api_route(
            "/collections/{collection_id}/items/{item_id}/stereo/overview.png",
            self.overview,
            methods=["GET"],
            name="Picture of a stereo set",
            operation_id="stereo_overview",
            response_class=Response,
            responses=_PICTURE,
        )
        app.include_router(router)

    async def search(self, request: Request) -> Response:
        """Pairs, triplets and groups of images, asked for in the query string."""
        return await self._answer(StereoSearch.model_validate(dict(request.query_params)), request)

    async def posted_search(self, search: StereoSearch, request: Request) -> Response:
        """Pairs, triplets and groups of images, asked for in the body."""
        return await self._answer(search, request)

    async def _answer(self, search: StereoSearch, request: Request) -> Response:
        found = await found_sets(request.app.state.client, search, request, most_images=self.most_images)
        return GeoJSONResponse(found)

    async def sets_of_item(
        self,
        request: Request,
        collection_id: Annotated[str, Path(description="Collection ID")],
        item_id: Annotated[str, Path(description="Item ID of the image")],
        limit: Annotated[Limit, Query(description="How many sets on a page.")] = SETS_PER_PAGE,
        token: Annotated[str | None, Query(description="Of the link to the next page.")] = None,
    ) -> Response:
        """The pairs and triplets that an image is a view of, the most suitable first."""
        client = request.app.state.client
        image = await client.get_item(item_id, collection_id, request)
        if isinstance(image, Response):  # a set that has moved is no image
            return image
        return GeoJSONResponse(await sets_of_image(client, image, request, limit, token))

    async def overview(
        self,
        request: Request,
        collection_id: Annotated[str, Path(description="Collection ID")],
        item_id: Annotated[str, Path(description="Item ID of the stereo set")],
    ) -> Response:
        """Footprints and overlap of a stereo set on a map, the satellite in the sky, and the numbers beside."""
        return await overview(request.app.state.client, collection_id, item_id, request, self._drawing)
