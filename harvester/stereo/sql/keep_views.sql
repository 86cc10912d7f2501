-- Store images as views for the stereo finder; unchanged ones are not written.
INSERT INTO dinamis.stereo_view (
    item, scene, collection, is_archive, platform, acquired_at, footprint,
    azimuth, incidence, direction_source, cloud_cover, sun_azimuth, sun_elevation, gsd
)
SELECT
    item, scene, collection, is_archive, platform, acquired_at, footprint,
    azimuth, incidence, direction_source, cloud_cover, sun_azimuth, sun_elevation, gsd
FROM json_populate_recordset(NULL::dinamis.stereo_view, %(views)s)
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
