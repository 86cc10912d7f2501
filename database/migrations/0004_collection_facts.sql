-- What the Items of a collection say of it: extent and summaries, read once after a harvest.

CREATE FUNCTION dinamis.collection_facts(collection_id text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path TO pgstac, public AS $$
    WITH held AS (
        SELECT geometry, datetime, end_datetime, content -> 'properties' AS properties
        FROM items
        WHERE items.collection = collection_id
    ),
    extent AS (
        SELECT st_extent(geometry) AS box, min(datetime) AS first, max(end_datetime) AS last FROM held
    ),
    listed AS (
        SELECT name, jsonb_agg(value ORDER BY value) AS summary
        FROM (
            SELECT DISTINCT name, value
            FROM held
            CROSS JOIN unnest(ARRAY['platform', 'constellation', 'sat:orbit_state']) AS name
            CROSS JOIN LATERAL (SELECT held.properties -> name) AS property (value)
            WHERE jsonb_typeof(value) = 'string'
            UNION
            SELECT 'instruments', instrument
            FROM held, jsonb_array_elements(held.properties -> 'instruments') AS instrument
        ) AS found
        GROUP BY name
    ),
    measured AS (
        SELECT name, jsonb_build_object('minimum', min(value), 'maximum', max(value)) AS summary
        FROM held
        CROSS JOIN unnest(ARRAY[
            'gsd', 'eo:cloud_cover', 'eo:snow_cover', 'view:incidence_angle', 'view:off_nadir', 'view:azimuth',
            'view:sun_elevation', 'view:sun_azimuth'
        ]) AS name
        CROSS JOIN LATERAL (SELECT (held.properties -> name)::numeric WHERE jsonb_typeof(held.properties -> name) = 'number')
            AS property (value)
        GROUP BY name
    )
    SELECT jsonb_build_object(
        'extent', jsonb_build_object(
            'spatial', jsonb_build_object('bbox', jsonb_build_array(
                jsonb_build_array(st_xmin(box), st_ymin(box), st_xmax(box), st_ymax(box))
            )),
            'temporal', jsonb_build_object('interval', jsonb_build_array(jsonb_build_array(
                to_char(first AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                to_char(last AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
            )))
        ),
        'summaries', (
            SELECT coalesce(jsonb_object_agg(name, summary), '{}')
            FROM (SELECT * FROM listed UNION ALL SELECT * FROM measured) AS summaries
        )
    )
    FROM extent
    WHERE box IS NOT NULL;
$$;
COMMENT ON FUNCTION dinamis.collection_facts IS
    'Extent and summaries of a collection from its Items, as STAC JSON; NULL when it holds none.';

REVOKE ALL ON FUNCTION dinamis.collection_facts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dinamis.collection_facts TO dinamis_harvest;
