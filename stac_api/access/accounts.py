"""The routes by which people look after what is their own: account, keys, licences, declarations."""

from __future__ import annotations

import attr
from fastapi import FastAPI
from stac_fastapi.types.extension import ApiExtension

from stac_api.access import declaration_routes, key_routes, licence_routes, me_routes


@attr.s
class AccountsExtension(ApiExtension):
    """Everything below /me, what is signed below /licenses, and the questionnaire of open data."""

    def register(self, app: FastAPI) -> None:
        """Add the routes."""
        for routes in (me_routes, key_routes, licence_routes, declaration_routes):
            app.include_router(routes.router, prefix=app.state.router_prefix)
