"""The properties that only the records of some sources have, typed, with words in French and English.

A collection publishes those of its sources in addition to those of all collections (`harvester.queryables`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harvester.queryables.definition import (
    DEFAULT_LANGUAGE,
    FLAG,
    NUMBER,
    PERCENT,
    TEXT,
    TEXTS,
    TIME,
    WHOLE,
    Definitions,
    PropertyDefinition,
    Schema,
    Words,
    property_of,
)


def _said(french: str, english: str, schema: Schema = TEXT) -> PropertyDefinition:
    return property_of(
        schema,
        Words(french, "Tel que l’écrit la source de la fiche."),
        Words(english, "As the source of the record writes it."),
    )


_SENTINEL_2: Definitions = {
    "s2:datatake_id": _said("Identifiant de la prise de vue Sentinel-2", "Identifier of the Sentinel-2 datatake"),
}

_GEODES: Definitions = {
    "geodes:collection": _said("Collection à GEODES", "Collection at GEODES"),
    "geodes:datatype": _said("Type de données à GEODES", "Type of data at GEODES"),
    "geodes:endpoint_url": _said("Service de GEODES", "Service of GEODES"),
    "geodes:instrument_mode": _said("Mode de l’instrument", "Mode of the instrument"),
    "geodes:online": _said("Disponible en ligne (sinon sur bande)", "Available online (else on tape)", FLAG),
    "geodes:timeliness": _said("Délai de production", "Timeliness"),
    "geodes:version": _said("Version de la fiche à GEODES", "Version of the record at GEODES"),
    "geodes:view_azimuth": _said(
        "Azimut de visée d’origine, en degrés", "Original viewing azimuth, in degrees", NUMBER
    ),
    **_SENTINEL_2,
}

_RESTO: Definitions = {
    "resto:collection": _said("Collection d’origine", "Collection of origin"),
    "resto:incidence_angle": _said("Incidence d’origine, signée", "Original incidence, signed", NUMBER),
    "resto:is_refined": _said("Géométrie affinée", "Refined geometry", FLAG),
    "resto:new_version": _said("Version qui remplace celle-ci", "Version that replaces this one"),
    "resto:organisation": _said("Organisme", "Organisation"),
    "resto:sensor_mode": _said("Mode d’acquisition", "Acquisition mode"),
    "resto:storage_mode": _said("Stockage (disque ou bande)", "Storage (disk or tape)"),
    "resto:timeliness": _said("Délai de production", "Timeliness"),
    "resto:updated": _said("Dernière mise à jour à la source", "Last update at the source", TIME),
    "resto:bare_soil": _said("Sol nu, en pour cent", "Bare soil, in per cent", PERCENT),
    "resto:vegetation": _said("Végétation, en pour cent", "Vegetation, in per cent", PERCENT),
    "resto:water": _said("Eau, en pour cent", "Water, in per cent", PERCENT),
    "resto:snow_ice": _said("Neige et glace, en pour cent", "Snow and ice, in per cent", PERCENT),
    "resto:high_probability_clouds": _said(
        "Nuages très probables, en pour cent", "Very likely clouds, in per cent", PERCENT
    ),
    "resto:medium_probability_clouds": _said("Nuages probables, en pour cent", "Likely clouds, in per cent", PERCENT),
    "resto:low_probability_clouds": _said(
        "Nuages peu probables, en pour cent", "Unlikely clouds, in per cent", PERCENT
    ),
    "kalideos:acquisition_mode": _said("Mode d’acquisition à Kalideos", "Acquisition mode at Kalideos"),
    "kalideos:description": _said("Description à Kalideos", "Description at Kalideos"),
    "kalideos:incidence_angle": _said(
        "Incidence d’origine, négative à gauche, en degrés",
        "Original incidence, negative to the left, in degrees",
        NUMBER,
    ),
    "kalideos:modified": _said("Dernière mise à jour à Kalideos", "Last update at Kalideos"),
    "kalideos:path": _said("Coordonnée K de la grille SPOT", "K coordinate of the SPOT grid"),
    "kalideos:product": _said("Produit Kalideos", "Kalideos product"),
    "kalideos:product_type": _said("Type de produit Kalideos", "Kalideos product type"),
    "kalideos:project": _said("Projet", "Project"),
    "kalideos:row": _said("Coordonnée J de la grille SPOT", "J coordinate of the SPOT grid"),
    "kalideos:site": _said("Site Kalideos", "Kalideos site"),
    "kalideos:start_date": _said("Date de prise de vue, heure locale", "Date of acquisition, local time"),
    "kalideos:title": _said("Titre à Kalideos", "Title at Kalideos"),
    "kalideos:version": _said("Version à Kalideos", "Version at Kalideos"),
    **_SENTINEL_2,
}

_ISO: Definitions = {
    "iso:bands": _said("Bandes", "Bands", TEXTS),
    "iso:date_stamp": _said("Date de la fiche ISO", "Date of the ISO record"),
    "iso:parent_identifier": _said("Fiche ISO de la série", "ISO record of the series"),
    "iso:product_type": _said("Type de produit", "Product type"),
    "iso:scale_denominator": _said("Dénominateur de l’échelle", "Denominator of the scale", WHOLE),
    "iso:title": _said("Titre de la fiche ISO", "Title of the ISO record"),
}

_REGION = property_of(
    TEXT,
    Words("Région", "Territoire que couvre la mosaïque."),
    Words("Region", "Territory that the mosaic covers."),
)

#: By the name of the source in a collection document; other sources have none.
SOURCE_PROPERTIES: Mapping[str, Definitions] = {
    "csw": _ISO,
    "geodes": _GEODES,
    "geonetwork": _ISO,
    "ign": {"dinamis:region": _REGION},
    "openspot": {"openspot:mode": _said("Mode (PMS, XS…)", "Mode (PMS, XS…)")},
    "resto": _RESTO,
}


def queryables_of_sources(sources: Iterable[str], language: str = DEFAULT_LANGUAGE) -> dict[str, dict[str, object]]:
    """JSON Schema of each property that only the records of these sources have, by name, with words in one language."""
    return {
        name: definition.fragment(language)
        for source in sources
        for name, definition in SOURCE_PROPERTIES.get(source, {}).items()
    }
