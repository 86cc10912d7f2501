-- Write down images as the finder of stereo takes them; those that are as they were are left.
INSERT INTO dinamis.stereo_view (
    item, scene, collection, is_archive, platform, acquired_at, footprint,
    azimuth, incidence, direction_source, cloud_cover, sun_azimuth, sun_elevation, gsd
)
SELECT *
FROM unnest(
    %(items)s::text [], %(scenes)s::text [], %(collections)s::text [], %(archive)s::boolean [],
    %(platforms)s::text [], %(times)s::timestamptz [], %(footprints)b::bytea [],
    %(azimuths)s::float8 [], %(incidences)s::float8 [], %(sources)s::smallint [], %(clouds)s::float8 [],
    %(sun_azimuths)s::float8 [], %(sun_elevations)s::float8 [], %(gsds)s::float8 []
)
ON CONFLICT (item) DO UPDATE SET
    scene = excluded.scene,
    collection = excluded.collection,
    is_archive = excluded.is_archive,
    platform = excluded.platform,
    acquired_at = excluded.acquired_at,
    footprint = excluded.footprint,
    azimuth = excluded.azimuth,
    incidence = excluded.incidence,
    direction_source = excluded.direction_source,
    cloud_cover = excluded.cloud_cover,
    sun_azimuth = excluded.sun_azimuth,
    sun_elevation = excluded.sun_elevation,
    gsd = excluded.gsd
WHERE stereo_view IS DISTINCT FROM excluded;
