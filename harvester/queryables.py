"""The properties that readers may filter and sort on, typed, with words in French and English.

The catalogue refuses every other property in a filter, so a property that Items publish and that is missing here can
be read but not searched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_LANGUAGE = "fr"

_CORE = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema"
_EXTENSIONS = "https://stac-extensions.github.io"
_EO = f"{_EXTENSIONS}/eo/v2.0.0/schema.json#/definitions"
_VIEW = f"{_EXTENSIONS}/view/v1.1.0/schema.json#/definitions/fields/properties"
_SAT = f"{_EXTENSIONS}/sat/v1.2.0/schema.json#/definitions/fields/properties"
_PROCESSING = f"{_EXTENSIONS}/processing/v1.2.0/schema.json#/definitions/fields/properties"
_PRODUCT = f"{_EXTENSIONS}/product/v1.0.0/schema.json#/definitions"
_ORDER = f"{_EXTENSIONS}/order/v1.1.0/schema.json#/definitions/fields/properties"
_SCIENTIFIC = f"{_EXTENSIONS}/scientific/v1.0.0/schema.json#/definitions/fields/properties"
_TIMESTAMPS = f"{_EXTENSIONS}/timestamps/v1.1.0/schema.json#/definitions/fields/properties"
_PROJECTION = f"{_EXTENSIONS}/projection/v2.0.0/schema.json#/definitions/fields/properties"

Schema = Mapping[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
_TIME: Schema = {"type": "string", "format": "date-time"}
_PERCENT: Schema = {"type": "number", "minimum": 0, "maximum": 100}
_TILT: Schema = {"type": "number", "minimum": 0, "maximum": 90}
_COMPASS: Schema = {"type": "number", "minimum": 0, "maximum": 360}
_SIGNED_TILT: Schema = {"type": "number", "minimum": -90, "maximum": 90}
_POSITIVE: Schema = {"type": "number", "minimum": 0}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_FLAG: Schema = {"type": "boolean"}
_ORBIT: Schema = {"type": "integer", "minimum": 1}


@dataclass(frozen=True)
class Words:
    """Title and description of one property in one language."""

    title: str
    description: str = ""


@dataclass(frozen=True)
class PropertyDefinition:
    """One property: its JSON Schema and its words by language code."""

    schema: Schema
    words: Mapping[str, Words]

    def fragment(self, language: str = DEFAULT_LANGUAGE) -> dict[str, Any]:
        """The JSON Schema with title and description; a language that is not there gives the French words."""
        words = self.words.get(language, self.words[DEFAULT_LANGUAGE])
        described = {"title": words.title, "description": words.description}
        return {key: text for key, text in described.items() if text} | dict(self.schema)


def _property(schema: Schema, french: Words, english: Words, reference: str | None = None) -> PropertyDefinition:
    link = {"$ref": reference} if reference else {}
    return PropertyDefinition({**link, **schema}, {"fr": french, "en": english})


def _airbus(french: str, english: str, schema: Schema) -> PropertyDefinition:
    raw_french = "Valeur écrite par le producteur, sans normalisation ; en degrés. Préférer les propriétés view:*."
    raw_english = "Value as the vendor writes it, not normalised; in degrees. Prefer the view:* properties."
    return _property(schema, Words(french, raw_french), Words(english, raw_english))


def _vendor(french: str, english: str, schema: Schema = _TEXT) -> PropertyDefinition:
    return _property(
        schema,
        Words(french, "Tel que l’écrit l’archive d’Airbus."),
        Words(english, "As the Airbus archive writes it."),
    )


def _offers(level: str) -> dict[str, PropertyDefinition]:
    """What the archive says of an image at one of the levels at which it lists it: one acquisition may have both."""
    prefix = f"airbus:{level.lower()}_"
    return {
        f"{prefix}id": _vendor(f"Identifiant ({level})", f"Identifier ({level})"),
        f"{prefix}production_status": _vendor(f"Disponibilité ({level})", f"Availability ({level})"),
        f"{prefix}product_type": _vendor(f"Type de produit ({level})", f"Product type ({level})"),
        f"{prefix}format": _vendor(f"Format ({level})", f"Format ({level})"),
        f"{prefix}processing_center": _vendor(f"Centre de production ({level})", f"Production centre ({level})"),
        f"{prefix}processing_date": _vendor(f"Date de production ({level})", f"Production time ({level})", _TIME),
        f"{prefix}processor_name": _vendor(f"Logiciel de production ({level})", f"Processor ({level})"),
        f"{prefix}last_update_date": _vendor(f"Dernière mise à jour ({level})", f"Last update ({level})", _TIME),
        f"{prefix}expiration_date": _vendor(f"Date d’expiration ({level})", f"Expiry ({level})", _TIME),
    }


def _raw_gsd(french: str, english: str) -> PropertyDefinition:
    return _property(_POSITIVE, Words(french, "En mètres, au sol."), Words(english, "In metres, on the ground."))


STEREO_PROPERTIES: Mapping[str, PropertyDefinition] = {
    "stereo:mode": _property(
        {"type": "string", "enum": ["stereo", "tri-stereo"]},
        Words("Mode stéréoscopique", "stereo pour un couple, tri-stereo pour un triplet."),
        Words("Stereo mode", "stereo for a pair, tri-stereo for a triplet."),
    ),
    "stereo:views": _property(
        _TEXTS,
        Words("Vues", "Identifiants des images, de la vue avant à la vue arrière."),
        Words("Views", "Identifiers of the images, from the forward to the backward view."),
    ),
    "stereo:view_count": _property(
        {"type": "integer", "minimum": 2}, Words("Nombre de vues"), Words("Number of views")
    ),
    "stereo:views_to_order": _property(
        _TEXTS,
        Words("Vues à commander", "Identifiants des vues qui ne sont pas détenues."),
        Words("Views to order", "Identifiers of the views that are not held."),
    ),
    "stereo:convergence_angle": _property(
        {"type": "number", "minimum": 0, "maximum": 180},
        Words("Angle de convergence", "Entre les lignes de visée des vues extrêmes, en degrés."),
        Words("Convergence angle", "Between the lines of sight of the outer views, in degrees."),
    ),
    "stereo:consecutive_convergence_angles": _property(
        {"type": "array", "items": {"type": "number"}},
        Words("Angles de convergence consécutifs", "D’un triplet : avant-nadir puis nadir-arrière, en degrés."),
        Words("Consecutive convergence angles", "Of a triplet: forward-nadir, then nadir-backward, in degrees."),
    ),
    "stereo:base_to_height": _property(
        _POSITIVE,
        Words("Rapport B/H", "2 tan(convergence / 2) des vues extrêmes."),
        Words("Base-to-height ratio", "2 tan(convergence / 2) of the outer views."),
    ),
    "stereo:parallax_to_height": _property(
        _POSITIVE,
        Words("Parallaxe sur hauteur", "B/H exact : décalage au sol, en mètres, par mètre de hauteur."),
        Words("Parallax to height", "Exact base to height: shift on the ground, in metres, per metre of height."),
    ),
    "stereo:bisector_elevation_angle": _property(
        _TILT,
        Words("Élévation de la bissectrice", "90° quand la bissectrice des lignes de visée est verticale."),
        Words("Bisector elevation angle", "90° when the bisector of the lines of sight is vertical."),
    ),
    "stereo:asymmetry_angle": _property(
        _TILT,
        Words("Asymétrie", "0° quand les vues sont symétriques par rapport à la verticale."),
        Words("Asymmetry angle", "0° when the views mirror each other about the vertical."),
    ),
    "stereo:roll_angle": _property(
        _TILT,
        Words("Roulis", "Inclinaison du plan épipolaire ; 0° quand il est vertical."),
        Words("Roll angle", "Tilt of the epipolar plane; 0° when it is vertical."),
    ),
    "stereo:overlap": _property(
        _SHARE,
        Words("Recouvrement", "Part de la plus petite emprise, de 0 à 1."),
        Words("Overlap", "Share of the smallest footprint, 0 to 1."),
    ),
    "stereo:overlap_area": _property(_POSITIVE, Words("Surface commune", "En km²."), Words("Common area", "In km².")),
    "stereo:time_span": _property(
        _POSITIVE,
        Words("Durée", "De la première à la dernière vue, en secondes."),
        Words("Time span", "From the first to the last view, in seconds."),
    ),
    "stereo:flight_time_ratio": _property(
        _POSITIVE,
        Words("Contrôle par le temps de vol", "Convergence due au temps de vol sur celle des angles ; proche de 1."),
        Words("Flight-time check", "Convergence from the time of flight over that from the angles; about 1."),
    ),
    "stereo:direction_source": _property(
        {"type": "string", "enum": ["vendor", "components", "assumed", "estimated"]},
        Words("Origine des angles", "De la vue la moins sûre : producteur, composantes, supposée ou estimée."),
        Words("Source of the angles", "Of the least certain view: vendor, components, assumed or estimated."),
    ),
    "stereo:azimuth_doubtful": _property(
        _FLAG,
        Words("Azimut douteux", "Vrai quand les angles contredisent le temps de vol."),
        Words("Doubtful azimuth", "True when the angles contradict the time of flight."),
    ),
    "stereo:cloud_cover_max": _property(
        _PERCENT, Words("Nuages, pire vue", "En pour cent."), Words("Cloud cover, worst view", "In per cent.")
    ),
    "stereo:cloud_cover_mean": _property(
        _PERCENT, Words("Nuages, moyenne", "En pour cent."), Words("Cloud cover, mean", "In per cent.")
    ),
    "stereo:sun_azimuth_difference": _property(
        {"type": "number", "minimum": 0, "maximum": 180},
        Words("Écart d’azimut solaire", "Entre les vues, en degrés."),
        Words("Sun azimuth difference", "Between the views, in degrees."),
    ),
    "stereo:sun_elevation_difference": _property(
        _TILT,
        Words("Écart de hauteur solaire", "Entre les vues, en degrés."),
        Words("Sun elevation difference", "Between the views, in degrees."),
    ),
    "stereo:gsd_ratio": _property(
        {"type": "number", "minimum": 1},
        Words("Rapport des résolutions", "La plus grossière sur la plus fine."),
        Words("Ratio of resolutions", "The coarsest over the finest."),
    ),
    "stereo:suitability": _property(
        _SHARE,
        Words("Aptitude", "Aptitude au calcul d’un modèle de surface, de 0 à 1."),
        Words("Suitability", "For computing a surface model, 0 to 1."),
    ),
    "stereo-img:count": _property(
        {"type": "integer", "minimum": 2},
        Words("Vues du meilleur ensemble stéréoscopique"),
        Words("Views of the best stereo set"),
    ),
    "stereo-img:group": _property(
        _TEXT,
        Words("Meilleur ensemble stéréoscopique", "Identifiant de sa fiche."),
        Words("Best stereo set", "Identifier of its record."),
    ),
    "stereo-img:number": _property(
        {"type": "integer", "minimum": 1},
        Words("Rang dans l’ensemble stéréoscopique", "Dans l’ordre des prises de vue."),
        Words("Number in the stereo set", "In the order of time."),
    ),
    "dinamis:view_collections": _property(
        _TEXTS,
        Words("Collections des vues", "D’un ensemble stéréoscopique, par ordre alphabétique."),
        Words("Collections of the views", "Of a stereo set, in alphabetical order."),
    ),
}

PROPERTIES: Mapping[str, PropertyDefinition] = {
    "id": _property(
        _TEXT,
        Words("Identifiant", "Identifiant de l’image, unique dans tout le catalogue et stable."),
        Words("Identifier", "Identifier of the image, unique over the whole catalogue and stable."),
        f"{_CORE}/item.json#/definitions/core/allOf/2/properties/id",
    ),
    "collection": _property(
        _TEXT,
        Words("Collection", "Identifiant de la collection de l’image."),
        Words("Collection", "Identifier of the collection of the image."),
    ),
    "geometry": _property(
        {},
        Words("Emprise", "Emprise au sol en WGS 84, longitude d’abord."),
        Words("Footprint", "Footprint on the ground in WGS 84, longitude first."),
        "https://geojson.org/schema/Geometry.json",
    ),
    "datetime": _property(
        _TIME,
        Words("Date de prise de vue", "Début de la prise de vue, en UTC."),
        Words("Time of acquisition", "Start of the acquisition, in UTC."),
        f"{_CORE}/datetime.json#/properties/datetime",
    ),
    "start_datetime": _property(
        _TIME,
        Words("Début", "Instant de la première ligne de l’image, en UTC."),
        Words("Start", "Time of the first line of the image, in UTC."),
        f"{_CORE}/datetime.json#/properties/start_datetime",
    ),
    "end_datetime": _property(
        _TIME,
        Words("Fin", "Instant de la dernière ligne de l’image, en UTC."),
        Words("End", "Time of the last line of the image, in UTC."),
        f"{_CORE}/datetime.json#/properties/end_datetime",
    ),
    "created": _property(
        _TIME,
        Words("Entrée au catalogue", "Première inscription de la fiche au catalogue, en UTC."),
        Words("Created", "First entry of this record in the catalogue, in UTC."),
        f"{_CORE}/datetime.json#/properties/created",
    ),
    "updated": _property(
        _TIME,
        Words("Mise à jour", "Dernier changement de la fiche au catalogue, en UTC."),
        Words("Updated", "Last change of this record in the catalogue, in UTC."),
        f"{_CORE}/datetime.json#/properties/updated",
    ),
    "published": _property(
        _TIME,
        Words("Publication", "Publication de l’image par sa source, en UTC."),
        Words("Published", "Publication of the image by its source, in UTC."),
        f"{_TIMESTAMPS}/published",
    ),
    "title": _property(
        _TEXT,
        Words("Titre", "Nom lisible de l’image."),
        Words("Title", "Human-readable name of the image."),
        f"{_CORE}/basics.json#/properties/title",
    ),
    "platform": _property(
        _TEXT,
        Words("Satellite", "Par exemple pleiades-1a, pleiades-neo-3, spot-7."),
        Words("Satellite", "For example pleiades-1a, pleiades-neo-3, spot-7."),
        f"{_CORE}/instrument.json#/properties/platform",
    ),
    "constellation": _property(
        _TEXT,
        Words("Constellation", "Famille de satellites, par exemple pleiades."),
        Words("Constellation", "Family of satellites, for example pleiades."),
        f"{_CORE}/instrument.json#/properties/constellation",
    ),
    "mission": _property(
        _TEXT,
        Words("Mission", "Code du satellite tel que l’écrit le fournisseur, par exemple PHR1A."),
        Words("Mission", "Code of the satellite as the vendor writes it, for example PHR1A."),
        f"{_CORE}/instrument.json#/properties/mission",
    ),
    "instruments": _property(
        _TEXTS,
        Words("Instruments", "Instruments de prise de vue."),
        Words("Instruments", "Instruments that took the image."),
        f"{_CORE}/instrument.json#/properties/instruments",
    ),
    "gsd": _property(
        _POSITIVE,
        Words("Résolution", "Meilleur pas d’échantillonnage des produits de l’image, en mètres."),
        Words("Ground sample distance", "Finest sampling of the products of the image, in metres."),
        f"{_CORE}/instrument.json#/properties/gsd",
    ),
    "eo:cloud_cover": _property(
        _PERCENT,
        Words("Couverture nuageuse", "En pour cent de l’image ; absente si le producteur ne la donne pas."),
        Words("Cloud cover", "In per cent of the image; absent where the vendor does not state it."),
        f"{_EO}/eo:cloud_cover",
    ),
    "eo:snow_cover": _property(
        _PERCENT,
        Words("Couverture neigeuse", "En pour cent de l’image ; absente si le producteur ne la donne pas."),
        Words("Snow cover", "In per cent of the image; absent where the vendor does not state it."),
        f"{_EO}/eo:snow_cover",
    ),
    "view:azimuth": _property(
        _COMPASS,
        Words("Azimut de visée", "De la cible vers le satellite, dans le sens horaire depuis le nord vrai, en degrés."),
        Words("Viewing azimuth", "From the target towards the satellite, clockwise from true north, in degrees."),
        f"{_VIEW}/view:azimuth",
    ),
    "view:incidence_angle": _property(
        _TILT,
        Words("Angle d’incidence", "Entre la verticale de la cible et la direction du satellite, en degrés."),
        Words("Incidence angle", "Between the vertical at the target and the direction of the satellite, in degrees."),
        f"{_VIEW}/view:incidence_angle",
    ),
    "view:off_nadir": _property(
        _TILT,
        Words("Dépointage", "Angle au satellite entre le nadir et la cible, en degrés."),
        Words("Off-nadir angle", "Angle at the satellite between nadir and target, in degrees."),
        f"{_VIEW}/view:off_nadir",
    ),
    "view:sun_azimuth": _property(
        _COMPASS,
        Words("Azimut du soleil", "Dans le sens horaire depuis le nord vrai, en degrés."),
        Words("Sun azimuth", "Clockwise from true north, in degrees."),
        f"{_VIEW}/view:sun_azimuth",
    ),
    "view:sun_elevation": _property(
        _SIGNED_TILT,
        Words("Hauteur du soleil", "Au-dessus de l’horizon, en degrés."),
        Words("Sun elevation", "Above the horizon, in degrees."),
        f"{_VIEW}/view:sun_elevation",
    ),
    "sat:orbit_state": _property(
        {"type": "string", "enum": ["ascending", "descending", "geostationary", "crossing"]},
        Words("Sens de l’orbite", "Ascendante (vers le nord) ou descendante (vers le sud)."),
        Words("Orbit state", "Ascending (northwards) or descending (southwards)."),
        f"{_SAT}/sat:orbit_state",
    ),
    "sat:relative_orbit": _property(
        _ORBIT,
        Words("Orbite relative", "Numéro de l’orbite dans le cycle du satellite."),
        Words("Relative orbit", "Number of the orbit within the cycle of the satellite."),
        f"{_SAT}/sat:relative_orbit",
    ),
    "sat:absolute_orbit": _property(
        _ORBIT,
        Words("Orbite absolue", "Numéro de l’orbite depuis le lancement."),
        Words("Absolute orbit", "Number of the orbit since launch."),
        f"{_SAT}/sat:absolute_orbit",
    ),
    "sat:platform_international_designator": _property(
        _TEXT,
        Words("Désignation internationale", "Désignation COSPAR du satellite, par exemple 2011-076F."),
        Words("International designator", "COSPAR designation of the satellite, for example 2011-076F."),
        f"{_SAT}/sat:platform_international_designator",
    ),
    "sat:acquisition_station": _property(
        _TEXT,
        Words("Station de réception", "Station qui a reçu les données."),
        Words("Receiving station", "Station that received the data."),
        f"{_SAT}/sat:acquisition_station",
    ),
    "processing:level": _property(
        _TEXT,
        Words("Niveau de traitement", "Tel que le producteur l’écrit : SENSOR, PROJECTED, ORTHO, MOSAIC, 1A, 2A…"),
        Words("Processing level", "As the vendor writes it: SENSOR, PROJECTED, ORTHO, MOSAIC, 1A, 2A…"),
        f"{_PROCESSING}/processing:level",
    ),
    "processing:datetime": _property(
        _TIME,
        Words("Date de production", "Date de production du produit, en UTC."),
        Words("Production time", "Time at which the product was made, in UTC."),
        f"{_PROCESSING}/processing:datetime",
    ),
    "processing:version": _property(
        _TEXT,
        Words("Version du traitement"),
        Words("Version of the processing"),
        f"{_PROCESSING}/processing:version",
    ),
    "processing:facility": _property(
        _TEXT,
        Words("Centre de production"),
        Words("Production facility"),
        f"{_PROCESSING}/processing:facility",
    ),
    "product:type": _property(_TEXT, Words("Type de produit"), Words("Product type"), f"{_PRODUCT}/product:type"),
    "product:acquisition_type": _property(
        {"type": "string", "enum": ["nominal", "calibration", "other"]},
        Words("Type d’acquisition"),
        Words("Acquisition type"),
        f"{_PRODUCT}/product:acquisition_type",
    ),
    "proj:code": _property(
        _TEXT,
        Words("Système de coordonnées", "Code du système de coordonnées, par exemple EPSG:2154."),
        Words("Coordinate reference system", "Code of the coordinate reference system, for example EPSG:2154."),
        f"{_PROJECTION}/proj:code",
    ),
    "order:status": _property(
        {"type": "string", "enum": ["orderable", "ordered", "pending", "shipping", "succeeded", "failed", "canceled"]},
        Words("État de commande", "orderable quand l’image peut être commandée."),
        Words("Order status", "orderable when the image can be ordered."),
        f"{_ORDER}/order:status",
    ),
    "sci:doi": _property(
        _TEXT,
        Words("DOI", "Identifiant pérenne sous lequel citer les données."),
        Words("DOI", "Persistent identifier under which to cite the data."),
        f"{_SCIENTIFIC}/sci:doi",
    ),
    "grid:code": _property(
        _TEXT,
        Words("Maille", "Maille de la grille de découpage, par exemple MGRS-31TEJ."),
        Words("Grid cell", "Cell of the grid in which products are cut, for example MGRS-31TEJ."),
    ),
    "sar:instrument_mode": _property(
        _TEXT,
        Words("Mode radar", "Mode d’acquisition tel que l’écrit l’exploitant."),
        Words("Radar mode", "Acquisition mode as the operator writes it."),
    ),
    "sar:frequency_band": _property(
        {"type": "string", "enum": ["P", "L", "S", "C", "X", "Ku", "K", "Ka"]},
        Words("Bande radar", "X pour TerraSAR-X, C pour Sentinel-1."),
        Words("Radar band", "X for TerraSAR-X, C for Sentinel-1."),
    ),
    "sar:center_frequency": _property(
        _POSITIVE,
        Words("Fréquence centrale", "En gigahertz."),
        Words("Centre frequency", "In gigahertz."),
    ),
    "sar:polarizations": _property(
        _TEXTS,
        Words("Polarisations", "Émission puis réception : HH, VV, HV, VH."),
        Words("Polarisations", "Transmitted, then received: HH, VV, HV, VH."),
    ),
    "sar:product_type": _property(_TEXT, Words("Type de produit radar"), Words("Radar product type")),
    "sar:observation_direction": _property(
        {"type": "string", "enum": ["left", "right"]},
        Words("Côté de visée", "De l’antenne, par rapport au sens de vol."),
        Words("Looking direction", "Of the antenna, with regard to the direction of flight."),
    ),
    "sar:resolution_range": _property(
        _POSITIVE, Words("Résolution en distance", "En mètres."), Words("Range resolution", "In metres.")
    ),
    "sar:resolution_azimuth": _property(
        _POSITIVE, Words("Résolution en azimut", "En mètres."), Words("Azimuth resolution", "In metres.")
    ),
    "dinamis:held": _property(
        _FLAG,
        Words("Déjà détenue", "Vrai quand l’image, ou toute vue de l’ensemble stéréoscopique, a été livrée."),
        Words("Already held", "True when the image, or every view of the stereo set, was delivered."),
    ),
    "dinamis:held_by": _property(
        _TEXT,
        Words("Fiche de l’image détenue", "Identifiant de la fiche qui donne accès à l’image livrée."),
        Words("Record of the held image", "Identifier of the record that gives access to the image."),
    ),
    "dinamis:corrected": _property(
        _TEXTS,
        Words("Corrections", "Propriétés que les gestionnaires du catalogue ont corrigées."),
        Words("Corrections", "Properties that the curators of the catalogue have corrected."),
    ),
    "dinamis:source": _property(
        _TEXTS,
        Words("Sources", "Sources dont vient la fiche, par ordre alphabétique."),
        Words("Sources", "Sources of this record, in alphabetical order."),
    ),
    "dinamis:source_id": _property(
        _TEXT,
        Words("Identifiant d’origine", "Identifiant de l’image chez le producteur ou à la source."),
        Words("Identifier at the source", "Identifier of the image at its vendor or source."),
    ),
    "dinamis:footprint_from": _property(
        {"type": "string", "enum": ["roi-mask", "extent", "source", "correction"]},
        Words(
            "Origine de l’emprise",
            "Masque de la zone utile (roi-mask), coins de l’image (extent), catalogue (source) ou correction.",
        ),
        Words(
            "Origin of the footprint",
            "Mask of the useful area (roi-mask), corners of the image (extent), catalogue (source), or correction.",
        ),
    ),
    "dinamis:footprint_area_km2": _property(
        _POSITIVE,
        Words("Surface", "Surface géodésique de l’emprise, en km²."),
        Words("Area", "Geodesic area of the footprint, in km²."),
    ),
    **STEREO_PROPERTIES,
    "airbus:azimuth_angle": _airbus("AZIMUTH_ANGLE d’origine", "Original AZIMUTH_ANGLE", _COMPASS),
    "airbus:image_orientation": _airbus(
        "Orientation de l’image d’origine", "Original image orientation", {"type": "number"}
    ),
    "airbus:scene_orientation": _airbus(
        "Orientation de la scène d’origine", "Original scene orientation", {"type": "number"}
    ),
    "airbus:incidence_angle": _airbus(
        "INCIDENCE_ANGLE d’origine, signé", "Original INCIDENCE_ANGLE, signed", _SIGNED_TILT
    ),
    "airbus:viewing_angle": _airbus("VIEWING_ANGLE d’origine, signé", "Original VIEWING_ANGLE, signed", _SIGNED_TILT),
    "airbus:incidence_angle_along_track": _airbus(
        "Incidence le long de la trace", "Incidence along track", _SIGNED_TILT
    ),
    "airbus:incidence_angle_across_track": _airbus(
        "Incidence en travers de la trace", "Incidence across track", _SIGNED_TILT
    ),
    "airbus:viewing_angle_along_track": _airbus("Visée le long de la trace", "Viewing along track", _SIGNED_TILT),
    "airbus:viewing_angle_across_track": _airbus("Visée en travers de la trace", "Viewing across track", _SIGNED_TILT),
    "airbus:gsd_across_track": _raw_gsd("Résolution native en travers de la trace", "Native sampling across track"),
    "airbus:gsd_along_track": _raw_gsd("Résolution native le long de la trace", "Native sampling along track"),
    "airbus:acquisition_date": _vendor(
        "Date de prise de vue écrite par l’archive", "Time written by the archive", _TIME
    ),
    "airbus:acquisition_identifier": _vendor("Identifiant de prise de vue", "Acquisition identifier"),
    "airbus:archive_identifier": _vendor("Identifiant d’archivage", "Archive identifier"),
    "airbus:archiving_center": _vendor("Centre d’archivage", "Archiving centre"),
    "airbus:spectral_range": _vendor("Domaine spectral", "Spectral range"),
    **_offers("ALBUM"),
    **_offers("SENSOR"),
    "airbus:item_id": _vendor("Identifiant radar", "Radar identifier"),
    "airbus:antenna_mode": _vendor("Mode d’antenne", "Antenna mode"),
    "airbus:beam_id": _vendor("Faisceau", "Beam"),
    "airbus:quality": _vendor("Qualité", "Quality"),
    "airbus:status": _vendor("État", "State"),
    "airbus:last_update_date": _vendor("Dernière mise à jour", "Last update", _TIME),
    "airbus:out_of_full_performance": _vendor("Hors performance nominale", "Out of full performance", _FLAG),
    "airbus:incidence_angle_minimum": _airbus("Incidence minimale de la scène", "Smallest incidence", _SIGNED_TILT),
    "airbus:incidence_angle_maximum": _airbus("Incidence maximale de la scène", "Greatest incidence", _SIGNED_TILT),
}

QUERYABLES: Mapping[str, dict[str, Any]] = {name: definition.fragment() for name, definition in PROPERTIES.items()}


def queryables(language: str = DEFAULT_LANGUAGE) -> dict[str, dict[str, Any]]:
    """JSON Schema of every property common to the platform, by name, with words in one language."""
    return {name: definition.fragment(language) for name, definition in PROPERTIES.items()}
