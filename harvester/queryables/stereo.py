"""The properties of stereo sets, and of the images in them."""

from __future__ import annotations

from harvester.queryables.definition import (
    FLAG,
    PERCENT,
    POSITIVE,
    SHARE,
    TEXT,
    TEXTS,
    TILT,
    Definitions,
    Words,
    property_of,
)

STEREO_PROPERTIES: Definitions = {
    "stereo:mode": property_of(
        {"type": "string", "enum": ["stereo", "tri-stereo"]},
        Words("Mode stéréoscopique", "stereo pour un couple, tri-stereo pour un triplet."),
        Words("Stereo mode", "stereo for a pair, tri-stereo for a triplet."),
    ),
    "stereo:views": property_of(
        TEXTS,
        Words("Vues", "Identifiants des images, de la vue avant à la vue arrière."),
        Words("Views", "Identifiers of the images, from the forward to the backward view."),
    ),
    "stereo:view_count": property_of(
        {"type": "integer", "minimum": 2}, Words("Nombre de vues"), Words("Number of views")
    ),
    "stereo:views_to_order": property_of(
        TEXTS,
        Words("Vues à commander", "Identifiants des vues qui ne sont pas détenues."),
        Words("Views to order", "Identifiers of the views that are not held."),
    ),
    "stereo:convergence_angle": property_of(
        {"type": "number", "minimum": 0, "maximum": 180},
        Words("Angle de convergence", "Entre les lignes de visée des vues extrêmes, en degrés."),
        Words("Convergence angle", "Between the lines of sight of the outer views, in degrees."),
    ),
    "stereo:consecutive_convergence_angles": property_of(
        {"type": "array", "items": {"type": "number"}},
        Words("Angles de convergence consécutifs", "D’un triplet : avant-nadir puis nadir-arrière, en degrés."),
        Words("Consecutive convergence angles", "Of a triplet: forward-nadir, then nadir-backward, in degrees."),
    ),
    "stereo:base_to_height": property_of(
        POSITIVE,
        Words("Rapport B/H", "2 tan(convergence / 2) des vues extrêmes."),
        Words("Base-to-height ratio", "2 tan(convergence / 2) of the outer views."),
    ),
    "stereo:parallax_to_height": property_of(
        POSITIVE,
        Words("Parallaxe sur hauteur", "B/H exact : décalage au sol, en mètres, par mètre de hauteur."),
        Words("Parallax to height", "Exact base to height: shift on the ground, in metres, per metre of height."),
    ),
    "stereo:bisector_elevation_angle": property_of(
        TILT,
        Words("Élévation de la bissectrice", "90° quand la bissectrice des lignes de visée est verticale."),
        Words("Bisector elevation angle", "90° when the bisector of the lines of sight is vertical."),
    ),
    "stereo:asymmetry_angle": property_of(
        TILT,
        Words("Asymétrie", "0° quand les vues sont symétriques par rapport à la verticale."),
        Words("Asymmetry angle", "0° when the views mirror each other about the vertical."),
    ),
    "stereo:roll_angle": property_of(
        TILT,
        Words("Roulis", "Inclinaison du plan épipolaire ; 0° quand il est vertical."),
        Words("Roll angle", "Tilt of the epipolar plane; 0° when it is vertical."),
    ),
    "stereo:overlap": property_of(
        SHARE,
        Words("Recouvrement", "Part de la plus petite emprise, de 0 à 1."),
        Words("Overlap", "Share of the smallest footprint, 0 to 1."),
    ),
    "stereo:overlap_area": property_of(POSITIVE, Words("Surface commune", "En km²."), Words("Common area", "In km².")),
    "stereo:time_span": property_of(
        POSITIVE,
        Words("Durée", "De la première à la dernière vue, en secondes."),
        Words("Time span", "From the first to the last view, in seconds."),
    ),
    "stereo:flight_time_ratio": property_of(
        POSITIVE,
        Words("Contrôle par le temps de vol", "Convergence due au temps de vol sur celle des angles ; proche de 1."),
        Words("Flight-time check", "Convergence from the time of flight over that from the angles; about 1."),
    ),
    "stereo:direction_source": property_of(
        {"type": "string", "enum": ["vendor", "components", "assumed", "estimated"]},
        Words("Origine des angles", "De la vue la moins sûre : producteur, composantes, supposée ou estimée."),
        Words("Source of the angles", "Of the least certain view: vendor, components, assumed or estimated."),
    ),
    "stereo:azimuth_doubtful": property_of(
        FLAG,
        Words("Azimut douteux", "Vrai quand les angles contredisent le temps de vol."),
        Words("Doubtful azimuth", "True when the angles contradict the time of flight."),
    ),
    "stereo:cloud_cover_max": property_of(
        PERCENT, Words("Nuages, pire vue", "En pour cent."), Words("Cloud cover, worst view", "In per cent.")
    ),
    "stereo:cloud_cover_mean": property_of(
        PERCENT, Words("Nuages, moyenne", "En pour cent."), Words("Cloud cover, mean", "In per cent.")
    ),
    "stereo:sun_azimuth_difference": property_of(
        {"type": "number", "minimum": 0, "maximum": 180},
        Words("Écart d’azimut solaire", "Entre les vues, en degrés."),
        Words("Sun azimuth difference", "Between the views, in degrees."),
    ),
    "stereo:sun_elevation_difference": property_of(
        TILT,
        Words("Écart de hauteur solaire", "Entre les vues, en degrés."),
        Words("Sun elevation difference", "Between the views, in degrees."),
    ),
    "stereo:gsd_ratio": property_of(
        {"type": "number", "minimum": 1},
        Words("Rapport des résolutions", "La plus grossière sur la plus fine."),
        Words("Ratio of resolutions", "The coarsest over the finest."),
    ),
    "stereo:suitability": property_of(
        SHARE,
        Words("Aptitude", "Aptitude au calcul d’un modèle de surface, de 0 à 1."),
        Words("Suitability", "For computing a surface model, 0 to 1."),
    ),
    "stereo-img:count": property_of(
        {"type": "integer", "minimum": 2},
        Words("Vues du meilleur ensemble stéréoscopique"),
        Words("Views of the best stereo set"),
    ),
    "stereo-img:group": property_of(
        TEXT,
        Words("Meilleur ensemble stéréoscopique", "Identifiant de sa fiche."),
        Words("Best stereo set", "Identifier of its record."),
    ),
    "stereo-img:number": property_of(
        {"type": "integer", "minimum": 1},
        Words("Rang dans l’ensemble stéréoscopique", "Dans l’ordre des prises de vue."),
        Words("Number in the stereo set", "In the order of time."),
    ),
    "dinamis:view_collections": property_of(
        TEXTS,
        Words("Collections des vues", "D’un ensemble stéréoscopique, par ordre alphabétique."),
        Words("Collections of the views", "Of a stereo set, in alphabetical order."),
    ),
}
