"""The properties of STAC, its extensions and this catalogue, which Items of any source may have."""

from __future__ import annotations

from harvester.queryables.definition import (
    COMPASS,
    FLAG,
    ORBIT,
    PERCENT,
    POSITIVE,
    SIGNED_TILT,
    TEXT,
    TEXTS,
    TILT,
    TIME,
    Definitions,
    Words,
    property_of,
)

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

STAC_PROPERTIES: Definitions = {
    "id": property_of(
        TEXT,
        Words("Identifiant", "Identifiant de l’image, unique dans tout le catalogue et stable."),
        Words("Identifier", "Identifier of the image, unique over the whole catalogue and stable."),
        f"{_CORE}/item.json#/definitions/core/allOf/2/properties/id",
    ),
    "collection": property_of(
        TEXT,
        Words("Collection", "Identifiant de la collection de l’image."),
        Words("Collection", "Identifier of the collection of the image."),
    ),
    "geometry": property_of(
        {},
        Words("Emprise", "Emprise au sol en WGS 84, longitude d’abord."),
        Words("Footprint", "Footprint on the ground in WGS 84, longitude first."),
        "https://geojson.org/schema/Geometry.json",
    ),
    "datetime": property_of(
        TIME,
        Words("Date de prise de vue", "Début de la prise de vue, en UTC."),
        Words("Time of acquisition", "Start of the acquisition, in UTC."),
        f"{_CORE}/datetime.json#/properties/datetime",
    ),
    "start_datetime": property_of(
        TIME,
        Words("Début", "Instant de la première ligne de l’image, en UTC."),
        Words("Start", "Time of the first line of the image, in UTC."),
        f"{_CORE}/datetime.json#/properties/start_datetime",
    ),
    "end_datetime": property_of(
        TIME,
        Words("Fin", "Instant de la dernière ligne de l’image, en UTC."),
        Words("End", "Time of the last line of the image, in UTC."),
        f"{_CORE}/datetime.json#/properties/end_datetime",
    ),
    "created": property_of(
        TIME,
        Words("Entrée au catalogue", "Première inscription de la fiche au catalogue, en UTC."),
        Words("Created", "First entry of this record in the catalogue, in UTC."),
        f"{_CORE}/datetime.json#/properties/created",
    ),
    "updated": property_of(
        TIME,
        Words("Mise à jour", "Dernier changement de la fiche au catalogue, en UTC."),
        Words("Updated", "Last change of this record in the catalogue, in UTC."),
        f"{_CORE}/datetime.json#/properties/updated",
    ),
    "published": property_of(
        TIME,
        Words("Publication", "Publication de l’image par sa source, en UTC."),
        Words("Published", "Publication of the image by its source, in UTC."),
        f"{_TIMESTAMPS}/published",
    ),
    "title": property_of(
        TEXT,
        Words("Titre", "Nom lisible de l’image."),
        Words("Title", "Human-readable name of the image."),
        f"{_CORE}/basics.json#/properties/title",
    ),
    "platform": property_of(
        TEXT,
        Words("Satellite", "Par exemple pleiades-1a, pleiades-neo-3, spot-7."),
        Words("Satellite", "For example pleiades-1a, pleiades-neo-3, spot-7."),
        f"{_CORE}/instrument.json#/properties/platform",
    ),
    "constellation": property_of(
        TEXT,
        Words("Constellation", "Famille de satellites, par exemple pleiades."),
        Words("Constellation", "Family of satellites, for example pleiades."),
        f"{_CORE}/instrument.json#/properties/constellation",
    ),
    "mission": property_of(
        TEXT,
        Words("Mission", "Code du satellite tel que l’écrit le fournisseur, par exemple PHR1A."),
        Words("Mission", "Code of the satellite as the vendor writes it, for example PHR1A."),
        f"{_CORE}/instrument.json#/properties/mission",
    ),
    "instruments": property_of(
        TEXTS,
        Words("Instruments", "Instruments de prise de vue."),
        Words("Instruments", "Instruments that took the image."),
        f"{_CORE}/instrument.json#/properties/instruments",
    ),
    "gsd": property_of(
        POSITIVE,
        Words("Résolution", "Meilleur pas d’échantillonnage des produits de l’image, en mètres."),
        Words("Ground sample distance", "Finest sampling of the products of the image, in metres."),
        f"{_CORE}/instrument.json#/properties/gsd",
    ),
    "eo:cloud_cover": property_of(
        PERCENT,
        Words("Couverture nuageuse", "En pour cent de l’image ; absente si le producteur ne la donne pas."),
        Words("Cloud cover", "In per cent of the image; absent where the vendor does not state it."),
        f"{_EO}/eo:cloud_cover",
    ),
    "eo:snow_cover": property_of(
        PERCENT,
        Words("Couverture neigeuse", "En pour cent de l’image ; absente si le producteur ne la donne pas."),
        Words("Snow cover", "In per cent of the image; absent where the vendor does not state it."),
        f"{_EO}/eo:snow_cover",
    ),
    "view:azimuth": property_of(
        COMPASS,
        Words("Azimut de visée", "De la cible vers le satellite, dans le sens horaire depuis le nord vrai, en degrés."),
        Words("Viewing azimuth", "From the target towards the satellite, clockwise from true north, in degrees."),
        f"{_VIEW}/view:azimuth",
    ),
    "view:incidence_angle": property_of(
        TILT,
        Words("Angle d’incidence", "Entre la verticale de la cible et la direction du satellite, en degrés."),
        Words("Incidence angle", "Between the vertical at the target and the direction of the satellite, in degrees."),
        f"{_VIEW}/view:incidence_angle",
    ),
    "view:off_nadir": property_of(
        TILT,
        Words("Dépointage", "Angle au satellite entre le nadir et la cible, en degrés."),
        Words("Off-nadir angle", "Angle at the satellite between nadir and target, in degrees."),
        f"{_VIEW}/view:off_nadir",
    ),
    "view:sun_azimuth": property_of(
        COMPASS,
        Words("Azimut du soleil", "Dans le sens horaire depuis le nord vrai, en degrés."),
        Words("Sun azimuth", "Clockwise from true north, in degrees."),
        f"{_VIEW}/view:sun_azimuth",
    ),
    "view:sun_elevation": property_of(
        SIGNED_TILT,
        Words("Hauteur du soleil", "Au-dessus de l’horizon, en degrés."),
        Words("Sun elevation", "Above the horizon, in degrees."),
        f"{_VIEW}/view:sun_elevation",
    ),
    "sat:orbit_state": property_of(
        {"type": "string", "enum": ["ascending", "descending", "geostationary", "crossing"]},
        Words("Sens de l’orbite", "Ascendante (vers le nord) ou descendante (vers le sud)."),
        Words("Orbit state", "Ascending (northwards) or descending (southwards)."),
        f"{_SAT}/sat:orbit_state",
    ),
    "sat:relative_orbit": property_of(
        ORBIT,
        Words("Orbite relative", "Numéro de l’orbite dans le cycle du satellite."),
        Words("Relative orbit", "Number of the orbit within the cycle of the satellite."),
        f"{_SAT}/sat:relative_orbit",
    ),
    "sat:absolute_orbit": property_of(
        ORBIT,
        Words("Orbite absolue", "Numéro de l’orbite depuis le lancement."),
        Words("Absolute orbit", "Number of the orbit since launch."),
        f"{_SAT}/sat:absolute_orbit",
    ),
    "sat:platform_international_designator": property_of(
        TEXT,
        Words("Désignation internationale", "Désignation COSPAR du satellite, par exemple 2011-076F."),
        Words("International designator", "COSPAR designation of the satellite, for example 2011-076F."),
        f"{_SAT}/sat:platform_international_designator",
    ),
    "sat:acquisition_station": property_of(
        TEXT,
        Words("Station de réception", "Station qui a reçu les données."),
        Words("Receiving station", "Station that received the data."),
        f"{_SAT}/sat:acquisition_station",
    ),
    "processing:level": property_of(
        TEXT,
        Words("Niveau de traitement", "Tel que le producteur l’écrit : SENSOR, PROJECTED, ORTHO, MOSAIC, 1A, 2A…"),
        Words("Processing level", "As the vendor writes it: SENSOR, PROJECTED, ORTHO, MOSAIC, 1A, 2A…"),
        f"{_PROCESSING}/processing:level",
    ),
    "processing:datetime": property_of(
        TIME,
        Words("Date de production", "Date de production du produit, en UTC."),
        Words("Production time", "Time at which the product was made, in UTC."),
        f"{_PROCESSING}/processing:datetime",
    ),
    "processing:version": property_of(
        TEXT,
        Words("Version du traitement"),
        Words("Version of the processing"),
        f"{_PROCESSING}/processing:version",
    ),
    "processing:facility": property_of(
        TEXT,
        Words("Centre de production"),
        Words("Production facility"),
        f"{_PROCESSING}/processing:facility",
    ),
    "product:type": property_of(TEXT, Words("Type de produit"), Words("Product type"), f"{_PRODUCT}/product:type"),
    "product:acquisition_type": property_of(
        {"type": "string", "enum": ["nominal", "calibration", "other"]},
        Words("Type d’acquisition"),
        Words("Acquisition type"),
        f"{_PRODUCT}/product:acquisition_type",
    ),
    "proj:code": property_of(
        TEXT,
        Words("Système de coordonnées", "Code du système de coordonnées, par exemple EPSG:2154."),
        Words("Coordinate reference system", "Code of the coordinate reference system, for example EPSG:2154."),
        f"{_PROJECTION}/proj:code",
    ),
    "order:status": property_of(
        {"type": "string", "enum": ["orderable", "ordered", "pending", "shipping", "succeeded", "failed", "canceled"]},
        Words("État de commande", "orderable quand l’image peut être commandée."),
        Words("Order status", "orderable when the image can be ordered."),
        f"{_ORDER}/order:status",
    ),
    "sci:doi": property_of(
        TEXT,
        Words("DOI", "Identifiant pérenne sous lequel citer les données."),
        Words("DOI", "Persistent identifier under which to cite the data."),
        f"{_SCIENTIFIC}/sci:doi",
    ),
    "grid:code": property_of(
        TEXT,
        Words("Maille", "Maille de la grille de découpage, par exemple MGRS-31TEJ."),
        Words("Grid cell", "Cell of the grid in which products are cut, for example MGRS-31TEJ."),
    ),
    "sar:instrument_mode": property_of(
        TEXT,
        Words("Mode radar", "Mode d’acquisition tel que l’écrit l’exploitant."),
        Words("Radar mode", "Acquisition mode as the operator writes it."),
    ),
    "sar:frequency_band": property_of(
        {"type": "string", "enum": ["P", "L", "S", "C", "X", "Ku", "K", "Ka"]},
        Words("Bande radar", "X pour TerraSAR-X, C pour Sentinel-1."),
        Words("Radar band", "X for TerraSAR-X, C for Sentinel-1."),
    ),
    "sar:center_frequency": property_of(
        POSITIVE,
        Words("Fréquence centrale", "En gigahertz."),
        Words("Centre frequency", "In gigahertz."),
    ),
    "sar:polarizations": property_of(
        TEXTS,
        Words("Polarisations", "Émission puis réception : HH, VV, HV, VH."),
        Words("Polarisations", "Transmitted, then received: HH, VV, HV, VH."),
    ),
    "sar:product_type": property_of(TEXT, Words("Type de produit radar"), Words("Radar product type")),
    "sar:observation_direction": property_of(
        {"type": "string", "enum": ["left", "right"]},
        Words("Côté de visée", "De l’antenne, par rapport au sens de vol."),
        Words("Looking direction", "Of the antenna, with regard to the direction of flight."),
    ),
    "sar:resolution_range": property_of(
        POSITIVE, Words("Résolution en distance", "En mètres."), Words("Range resolution", "In metres.")
    ),
    "sar:resolution_azimuth": property_of(
        POSITIVE, Words("Résolution en azimut", "En mètres."), Words("Azimuth resolution", "In metres.")
    ),
    "dinamis:held": property_of(
        FLAG,
        Words("Déjà détenue", "Vrai quand l’image, ou toute vue de l’ensemble stéréoscopique, a été livrée."),
        Words("Already held", "True when the image, or every view of the stereo set, was delivered."),
    ),
    "dinamis:held_by": property_of(
        TEXT,
        Words("Fiche de l’image détenue", "Identifiant de la fiche qui donne accès à l’image livrée."),
        Words("Record of the held image", "Identifier of the record that gives access to the image."),
    ),
    "dinamis:corrected": property_of(
        TEXTS,
        Words("Corrections", "Propriétés que les gestionnaires du catalogue ont corrigées."),
        Words("Corrections", "Properties that the curators of the catalogue have corrected."),
    ),
    "dinamis:source": property_of(
        TEXTS,
        Words("Sources", "Sources dont vient la fiche, par ordre alphabétique."),
        Words("Sources", "Sources of this record, in alphabetical order."),
    ),
    "dinamis:source_id": property_of(
        TEXT,
        Words("Identifiant d’origine", "Identifiant de l’image chez le producteur ou à la source."),
        Words("Identifier at the source", "Identifier of the image at its vendor or source."),
    ),
    "dinamis:footprint_from": property_of(
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
    "dinamis:footprint_area_km2": property_of(
        POSITIVE,
        Words("Surface", "Surface géodésique de l’emprise, en km²."),
        Words("Area", "Geodesic area of the footprint, in km²."),
    ),
}
