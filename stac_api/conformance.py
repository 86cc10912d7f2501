"""The conformance classes that the stock server fulfils without declaring them, and those that we add."""

from __future__ import annotations

_CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"

#: Each is proved by a test; arithmetic is missing because pgSTAC has neither `%`, `^` nor `div`.
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

#: pystac-client looks for v1.0.*, but the stock server only declares v1.1.0.
SORT_CLASSES = (
    "https://api.stacspec.org/v1.0.0/item-search#sort",
    "https://api.stacspec.org/v1.0.0/ogcapi-features#sort",
)

LANGUAGE_CLASS = "https://api.stacspec.org/v1.0.0-rc.2/language"

#: The feed of changes, see docs/reference/api.md. Neither it nor its name is specific to us.
CHANGES_CLASS = "https://w3id.org/stac-changes/v1.0.0/collection-changes"

#: The search of stereo sets, see docs/reference/stereo-api.md; named after the extension of Items.
STEREO_CLASS = "https://w3id.org/stac-stereo/v1.0.0/search"

#: The published rules, see docs/reference/access-extension.md.
ACCESS_CLASS = "https://w3id.org/stac-access/v1.0.0/rules"

#: Signed file addresses, see docs/reference/downloads.md.
SIGNING_CLASS = "https://w3id.org/stac-access/v1.0.0/signing"

ADDED_CLASSES = frozenset(
    {*CQL2_CLASSES, *SORT_CLASSES, LANGUAGE_CLASS, CHANGES_CLASS, STEREO_CLASS, ACCESS_CLASS, SIGNING_CLASS}
)
