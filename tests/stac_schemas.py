"""STAC Items and Collections against the published JSON Schemas, from a folder and never from the network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft7Validator
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource
from referencing.jsonschema import DRAFT7

from footprints.stereo.properties import STEREO_EXTENSION
from tests.conftest import PROJECT

#: Schemas of the project itself, which the catalogue serves under their own address.
OWN = {STEREO_EXTENSION: PROJECT / "stac_api" / "schemas" / "stereo-v1.0.0.json"}

CORE = {"Feature": "item-spec/json-schema/item.json", "Collection": "collection-spec/json-schema/collection.json"}


def validator(schemas: Path) -> Callable[[Mapping[str, Any]], None]:
    """A function that takes an Item or Collection as JSON and fails with everything that is wrong with it.

    Args:
        schemas: The folder of schemas, laid out as host/path of their URL. Beside the schemas of the
            project it is the only resolver: a schema or extension that is not there is an error.
    """
    return _validator(schemas.resolve())


@cache
def _validator(schemas: Path) -> Callable[[Mapping[str, Any]], None]:
    registry: Registry[Any] = Registry(retrieve=_resources(schemas))  # type: ignore[call-arg]

    @cache
    def schema_of(url: str) -> Validator:
        contents = registry.get_or_retrieve(url).value.contents
        return validator_for(contents, default=Draft7Validator)(
            contents, registry=registry, format_checker=Draft7Validator.FORMAT_CHECKER
        )

    def validate(document: Mapping[str, Any]) -> None:
        plain = json.loads(json.dumps(document, allow_nan=False))
        core = f"https://schemas.stacspec.org/v{plain['stac_version']}/{CORE[plain['type']]}"
        problems = [
            f"{url}: /{'/'.join(map(str, problem.absolute_path))}: {problem.message[:300]}"
            for url in (core, *plain.get("stac_extensions", []))
            for problem in schema_of(url).iter_errors(plain)
        ]
        assert not problems, f"{plain.get('id')} is not valid:\n" + "\n".join(problems)

    return validate


def _resources(schemas: Path) -> Callable[[str], Resource[Any]]:
    @cache
    def retrieve(url: str) -> Resource[Any]:
        parts = urlsplit(url)
        path = OWN.get(url, schemas / parts.netloc / parts.path.lstrip("/"))
        if not path.is_file():
            raise NoSuchResource(ref=url)  # type: ignore[call-arg]
        return Resource.from_contents(json.loads(path.read_bytes()), default_specification=DRAFT7)

    return retrieve
