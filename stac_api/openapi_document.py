"""The OpenAPI document: what the framework derives, with our errors and defaults instead of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI

from stac_api.access.credentials.oidc import Logins
from stac_api.access.credentials.security_schemes import security_schemes
from stac_api.client import ITEMS_PER_PAGE
from stac_api.collection_search import COLLECTIONS_PER_PAGE
from stac_api.problems import PROBLEM_JSON, Problem

DEFAULT_LIMITS = {
    "/collections": COLLECTIONS_PER_PAGE,
    "/search": ITEMS_PER_PAGE,
    "/collections/{collection_id}/items": ITEMS_PER_PAGE,
}
ITEM_PATH = "/collections/{collection_id}/items/{item_id}"

#: Examples of parameters, by path and name, instead of the framework's, which these routes refuse.
EXAMPLES = {
    ("/search", "intersects"): '{"type": "Point", "coordinates": [3.88, 43.61]}',
    ("/collections", "query"): '{"license": {"eq": "other"}}',
    ("/collections", "sortby"): "-title",
    ("/collections", "filter"): "license = 'other'",
}


def describe_faithfully(app: FastAPI) -> None:
    """Make the application's OpenAPI document describe its actual answers."""
    derived: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = _corrected(derived())
        _name_credentials(document, app.state.logins)
        # The framework caches the document; this is allowed once all login providers have answered.
        app.openapi_schema = document if app.state.logins.are_known else None
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _corrected(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema()
    for path, operation in _operations(document):
        # FastAPI documents 422 for bad input; STAC asks for 400.
        operation["responses"].pop("422", None)
        operation["responses"] |= {"400": _problem("The request is not valid"), "default": _problem("It failed")}
        if path == ITEM_PATH:
            operation["responses"]["410"] = _problem("The Item was withdrawn")
        _set_default_limit(operation, DEFAULT_LIMITS.get(path))
        _set_examples(path, operation)
        # The exceptions of a function only concern readers of the code.
        operation["description"] = operation.get("description", "").partition("\n\nRaises:")[0]
    _set_body_limit(schemas)
    return document


def _name_credentials(document: dict[str, Any], logins: Logins) -> None:
    schemes = security_schemes(logins.providers.values())
    document["components"]["securitySchemes"] = schemes
    # Public data need no credential.
    document["security"] = [{}, *({name: []} for name in schemes)]


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            yield path, operation


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _set_default_limit(operation: dict[str, Any], limit: int | None) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "limit" and limit is not None:
            parameter["schema"]["default"] = limit


def _set_examples(path: str, operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        if example := EXAMPLES.get((path, parameter["name"])):
            parameter["examples"] = {"example": {"value": example}}


def _set_body_limit(schemas: dict[str, Any]) -> None:
    schemas["SearchPostRequest"]["properties"]["limit"]["default"] = ITEMS_PER_PAGE
    # Clients may not steer pgSTAC: `conf` is dropped.
    schemas["SearchPostRequest"]["properties"].pop("conf", None)
