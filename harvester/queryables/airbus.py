"""Airbus metadata of images that no STAC extension covers, as deliveries and archives write them."""

from __future__ import annotations

from harvester.queryables.definition import (
    COMPASS,
    FLAG,
    NUMBER,
    POSITIVE,
    SIGNED_TILT,
    TEXT,
    TIME,
    Definitions,
    PropertyDefinition,
    Schema,
    Words,
    property_of,
)


def _raw_angle(french: str, english: str, schema: Schema = SIGNED_TILT) -> PropertyDefinition:
    raw_french = "Valeur écrite par le producteur, sans normalisation ; en degrés. Préférer les propriétés view:*."
    raw_english = "Value as the vendor writes it, not normalised; in degrees. Prefer the view:* properties."
    return property_of(schema, Words(french, raw_french), Words(english, raw_english))


def _vendor(french: str, english: str, schema: Schema = TEXT) -> PropertyDefinition:
    return property_of(
        schema,
        Words(french, "Tel que l’écrit l’archive d’Airbus."),
        Words(english, "As the Airbus archive writes it."),
    )


def _of_level(level: str) -> dict[str, PropertyDefinition]:
    """What the archive says of an image at one of its two levels; an acquisition may be listed at both."""
    prefix = f"airbus:{level.lower()}_"
    return {
        f"{prefix}id": _vendor(f"Identifiant ({level})", f"Identifier ({level})"),
        f"{prefix}production_status": _vendor(f"Disponibilité ({level})", f"Availability ({level})"),
        f"{prefix}product_type": _vendor(f"Type de produit ({level})", f"Product type ({level})"),
        f"{prefix}format": _vendor(f"Format ({level})", f"Format ({level})"),
        f"{prefix}processing_center": _vendor(f"Centre de production ({level})", f"Production centre ({level})"),
        f"{prefix}processing_date": _vendor(f"Date de production ({level})", f"Production time ({level})", TIME),
        f"{prefix}processor_name": _vendor(f"Logiciel de production ({level})", f"Processor ({level})"),
        f"{prefix}last_update_date": _vendor(f"Dernière mise à jour ({level})", f"Last update ({level})", TIME),
        f"{prefix}expiration_date": _vendor(f"Date d’expiration ({level})", f"Expiry ({level})", TIME),
    }


def _raw_gsd(french: str, english: str) -> PropertyDefinition:
    return property_of(POSITIVE, Words(french, "En mètres, au sol."), Words(english, "In metres, on the ground."))


AIRBUS_PROPERTIES: Definitions = {
    "airbus:azimuth_angle": _raw_angle("AZIMUTH_ANGLE d’origine", "Original AZIMUTH_ANGLE", COMPASS),
    "airbus:image_orientation": _raw_angle("Orientation de l’image d’origine", "Original image orientation", NUMBER),
    "airbus:scene_orientation": _raw_angle("Orientation de la scène d’origine", "Original scene orientation", NUMBER),
    "airbus:incidence_angle": _raw_angle("INCIDENCE_ANGLE d’origine, signé", "Original INCIDENCE_ANGLE, signed"),
    "airbus:viewing_angle": _raw_angle("VIEWING_ANGLE d’origine, signé", "Original VIEWING_ANGLE, signed"),
    "airbus:incidence_angle_along_track": _raw_angle("Incidence le long de la trace", "Incidence along track"),
    "airbus:incidence_angle_across_track": _raw_angle("Incidence en travers de la trace", "Incidence across track"),
    "airbus:viewing_angle_along_track": _raw_angle("Visée le long de la trace", "Viewing along track"),
    "airbus:viewing_angle_across_track": _raw_angle("Visée en travers de la trace", "Viewing across track"),
    "airbus:gsd_across_track": _raw_gsd("Résolution native en travers de la trace", "Native sampling across track"),
    "airbus:gsd_along_track": _raw_gsd("Résolution native le long de la trace", "Native sampling along track"),
    "airbus:acquisition_date": _vendor(
        "Date de prise de vue écrite par l’archive", "Time written by the archive", TIME
    ),
    "airbus:acquisition_identifier": _vendor("Identifiant de prise de vue", "Acquisition identifier"),
    "airbus:archive_identifier": _vendor("Identifiant d’archivage", "Archive identifier"),
    "airbus:archiving_center": _vendor("Centre d’archivage", "Archiving centre"),
    "airbus:spectral_range": _vendor("Domaine spectral", "Spectral range"),
    **_of_level("ALBUM"),
    **_of_level("SENSOR"),
    "airbus:item_id": _vendor("Identifiant radar", "Radar identifier"),
    "airbus:antenna_mode": _vendor("Mode d’antenne", "Antenna mode"),
    "airbus:beam_id": _vendor("Faisceau", "Beam"),
    "airbus:quality": _vendor("Qualité", "Quality"),
    "airbus:status": _vendor("État", "State"),
    "airbus:last_update_date": _vendor("Dernière mise à jour", "Last update", TIME),
    "airbus:out_of_full_performance": _vendor("Hors performance nominale", "Out of full performance", FLAG),
    "airbus:incidence_angle_minimum": _raw_angle("Incidence minimale de la scène", "Smallest incidence"),
    "airbus:incidence_angle_maximum": _raw_angle("Incidence maximale de la scène", "Greatest incidence"),
}
