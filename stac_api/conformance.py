"""The conformance classes that the stock server fulfils without saying so, and those that we add."""

from __future__ import annotations

_CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"

#: Each is executed by a test; arithmetic is missing because pgSTAC knows neither `%`, `^` nor `div`.
CQL2_CLASSES = tuple(
    _CQL2 + name
    for name in (
        "advanced-comparison-operators",
        "case-insensitive-comparison",
        "accent-insensitive-comparison",
        "basic-spatial-functions",
        "basic-spatial-functions-plus",
        "spatial-functions",
        "temporal-functions",
        "array-functions",
        "property-property",
    )
)

#: pystac-client looks for v1.0.*, while the stock server advertises v1.1.0 alone.
SORT_CLASSES = (
    "https://api.stacspec.org/v1.0.0/item-search#sort",
    "https://api.stacspec.org/v1.0.0/ogcapi-features#sort",
)

LANGUAGE_CLASS = "https://api.stacspec.org/v1.0.0-rc.2/language"

#: The feed of changes, as docs/reference/api.md has it. Nothing in it is particular to us, nor is its name.
CHANGES_CLASS = "https://w3id.org/stac-changes/v1.0.0/collection-changes"

#: The search of stereo sets, as docs/reference/stereo-api.md has it; the name is that of the extension of Items.
STEREO_CLASS = "https://w3id.org/stac-stereo/v1.0.0/search"

#: The rules in public, as docs/reference/access-extension.md has them.
ACCESS_CLASS = "https://w3id.org/stac-access/v1.0.0/rules"

#: Signed addresses of files, as docs/reference/downloads.md has them.
SIGNING_CLASS = "https://w3id.org/stac-access/v1.0.0/signing"

ADDED_CLASSES = frozenset(
    {*CQL2_CLASSES, *SORT_CLASSES, LANGUAGE_CLASS, CHANGES_CLASS, STEREO_CLASS, ACCESS_CLASS, SIGNING_CLASS}
)
