-- What the Items of a collection say of it, worked out of those alone that changed since: reading all of them costs a run
-- in which little has changed more than everything else.

CREATE TABLE dinamis.collection_fact (
    collection text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('minimum', 'maximum', 'listed')),
    name text NOT NULL,
    word text NOT NULL,
    rank double precision NOT NULL,
    item text NOT NULL,
    change bigint NOT NULL,
    PRIMARY KEY (collection, kind, name, word)
);
COMMENT ON TABLE dinamis.collection_fact IS 'The least and the greatest of each measure and every listed word, each with an Item that says so.';
COMMENT ON COLUMN dinamis.collection_fact.word IS 'What is listed; empty for a measure.';
COMMENT ON COLUMN dinamis.collection_fact.rank IS 'The minimum, the negative maximum, or 0: of two facts the lower one stands.';
COMMENT ON COLUMN dinamis.collection_fact.change IS 'Since which change of the catalogue Items have not been looked at.';

CREATE TABLE dinamis.complete_field (
    collection text NOT NULL,
    name text NOT NULL,
    change bigint NOT NULL,
    PRIMARY KEY (collection, name)
);
COMMENT ON TABLE dinamis.complete_field IS 'A property that no Item of a collection lacked as of a change of the catalogue.';

GRANT SELECT, INSERT, UPDATE, DELETE ON dinamis.collection_fact, dinamis.complete_field TO dinamis_harvest;

-- plpgsql: it plans anew for the values at hand, so that few Items are found by their ids and all by one scan.
CREATE FUNCTION dinamis.facts_of_items(collection_id text, since bigint)
RETURNS TABLE (kind text, name text, word text, rank double precision, item text)
LANGUAGE plpgsql STABLE SET search_path TO pgstac, public AS $$
#variable_conflict use_column
DECLARE
    places constant text[] := ARRAY['west', 'south', 'east', 'north', 'first', 'last'];
    measured constant text[] := ARRAY[
        'gsd', 'eo:cloud_cover', 'eo:snow_cover', 'view:incidence_angle', 'view:off_nadir', 'view:azimuth',
        'view:sun_elevation', 'view:sun_azimuth'
    ];
BEGIN
    RETURN QUERY
    WITH held AS MATERIALIZED (
        SELECT
            id,
            -- Milliseconds are what a Collection tells of them.
            ARRAY[
                st_xmin(geometry), st_ymin(geometry), st_xmax(geometry), st_ymax(geometry),
                extract(epoch FROM datetime), extract(epoch FROM end_datetime)
            ] || ARRAY(
                SELECT CASE jsonb_typeof(properties -> field) WHEN 'number' THEN (properties -> field)::double precision END
                FROM unnest(measured) WITH ORDINALITY AS measure (field, place) ORDER BY place
            ) AS measures,
            properties -> 'platform' AS platform,
            properties -> 'constellation' AS constellation,
            properties -> 'sat:orbit_state' AS orbit_state,
            properties -> 'instruments' AS instruments
        FROM (
            -- OFFSET 0: the content is unpacked once, not for each property.
            SELECT items.id, geometry, datetime, end_datetime, content -> 'properties' AS properties
            FROM items
            WHERE items.collection = collection_id AND (since IS NULL OR items.id IN (
                SELECT changed.id FROM dinamis.item AS changed
                WHERE changed.collection = collection_id AND changed.change > since
            ))
            OFFSET 0
        ) AS stored
    ),
    alike AS (
        SELECT platform, constellation, orbit_state, instruments, min(id COLLATE "C") AS id
        FROM held GROUP BY platform, constellation, orbit_state, instruments
    ),
    said AS (
        SELECT id, field, value FROM alike CROSS JOIN LATERAL (VALUES
            ('platform', platform), ('constellation', constellation), ('sat:orbit_state', orbit_state)
        ) AS property (field, value)
        UNION ALL
        SELECT id, 'instruments', value
        FROM alike CROSS JOIN jsonb_path_query(instruments, '$[*]') AS value
    )
    SELECT extreme.*
    FROM unnest(places || measured) WITH ORDINALITY AS measure (field, place)
    CROSS JOIN LATERAL (
        (SELECT 'minimum', field, '', measures[place], id FROM held WHERE measures[place] IS NOT NULL
         ORDER BY measures[place] LIMIT 1)
        UNION ALL
        (SELECT 'maximum', field, '', - measures[place], id FROM held WHERE measures[place] IS NOT NULL
         ORDER BY measures[place] DESC LIMIT 1)
    ) AS extreme
    UNION ALL
    SELECT 'listed', field, value #>> '{}', 0, min(id COLLATE "C") FROM said
    WHERE jsonb_typeof(value) = 'string' GROUP BY field, value;
END
$$;
COMMENT ON FUNCTION dinamis.facts_of_items IS 'What the Items of a collection say of it, all of them or those that changed after a change.';

-- A fact lasts while its Item does. Once that changes, only an Item that changed too and goes as far can stand for it.
CREATE FUNCTION dinamis.lasting_facts(collection_id text) RETURNS SETOF dinamis.collection_fact
LANGUAGE sql STABLE SET search_path TO pgstac, public AS $$
    WITH known AS (
        SELECT fact.*, item.id IS NOT NULL AS lasts
        FROM dinamis.collection_fact AS fact
        LEFT JOIN dinamis.item
            ON item.id = fact.item AND item.collection = fact.collection AND item.is_published AND item.change <= fact.change
        WHERE fact.collection = collection_id
    ),
    candidates AS (
        SELECT kind, name, word, rank, item FROM known WHERE lasts
        UNION ALL
        SELECT * FROM dinamis.facts_of_items(collection_id, (SELECT min(change) FROM known))
        WHERE EXISTS (SELECT FROM known)
    ),
    best AS (
        SELECT DISTINCT ON (kind, name, word) * FROM candidates ORDER BY kind, name, word, rank
    )
    SELECT collection_id, kind, name, word, rank, item, (SELECT min(change) FROM known) FROM best
    WHERE NOT EXISTS (
        SELECT FROM known LEFT JOIN best AS reached USING (kind, name, word)
        WHERE NOT lasts AND (reached.rank IS NULL OR reached.rank > known.rank)
    )
$$;
COMMENT ON FUNCTION dinamis.lasting_facts IS 'The facts of a collection, from those known and the Items that changed since; none when these do not tell.';

CREATE FUNCTION dinamis.latest_change(collection_id text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT max(change) FROM dinamis.item WHERE collection = collection_id
$$;
COMMENT ON FUNCTION dinamis.latest_change IS 'The last change of an Item of a collection; NULL where the ledger holds none.';

CREATE FUNCTION dinamis.facts_as_stac(facts dinamis.collection_fact[]) RETURNS jsonb LANGUAGE sql STABLE AS $$
    WITH bounds AS (
        SELECT name, min(rank) FILTER (WHERE kind = 'minimum') AS minimum, - min(rank) FILTER (WHERE kind = 'maximum') AS maximum
        FROM unnest(facts) WHERE kind != 'listed' GROUP BY name
    ),
    summaries AS (
        SELECT name, jsonb_build_object('minimum', minimum, 'maximum', maximum) AS summary FROM bounds
        WHERE name NOT IN ('west', 'south', 'east', 'north', 'first', 'last')
        UNION ALL
        SELECT name, jsonb_agg(word ORDER BY to_jsonb(word)) FROM unnest(facts) WHERE kind = 'listed' GROUP BY name
    )
    SELECT jsonb_build_object(
        'extent', jsonb_build_object(
            'spatial', jsonb_build_object('bbox', jsonb_build_array(jsonb_build_array(
                min(minimum) FILTER (WHERE name = 'west'), min(minimum) FILTER (WHERE name = 'south'),
                max(maximum) FILTER (WHERE name = 'east'), max(maximum) FILTER (WHERE name = 'north')
            ))),
            'temporal', jsonb_build_object('interval', jsonb_build_array(jsonb_build_array(
                to_char(to_timestamp(min(minimum) FILTER (WHERE name = 'first')) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                to_char(to_timestamp(max(maximum) FILTER (WHERE name = 'last')) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
            )))
        ),
        'summaries', (SELECT coalesce(jsonb_object_agg(name, summary), '{}') FROM summaries)
    )
    FROM bounds HAVING count(*) > 0
$$;

CREATE OR REPLACE FUNCTION dinamis.collection_facts(collection_id text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path TO pgstac, public AS $$
DECLARE
    -- Before anything is looked at: what comes meanwhile is looked at again.
    latest constant bigint := dinamis.latest_change(collection_id);
    facts dinamis.collection_fact[] := ARRAY(SELECT fact FROM dinamis.lasting_facts(collection_id) AS fact);
BEGIN
    IF facts = '{}' THEN
        facts := ARRAY(
            SELECT ROW(collection_id, kind, name, word, rank, item, latest)::dinamis.collection_fact
            FROM dinamis.facts_of_items(collection_id, NULL)
        );
    END IF;
    DELETE FROM dinamis.collection_fact WHERE collection = collection_id;
    IF latest IS NOT NULL THEN
        INSERT INTO dinamis.collection_fact
        SELECT collection, kind, name, word, rank, item, latest FROM unnest(facts);
    END IF;
    RETURN dinamis.facts_as_stac(facts);
END
$$;

CREATE FUNCTION dinamis.count_lacking(collection_id text, names text[], since bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path TO pgstac, public AS $$
BEGIN
    RETURN (
        SELECT coalesce(jsonb_object_agg(name, items), '{}')
        FROM (
            SELECT wanted.name, count(*) AS items
            FROM (
                SELECT content -> 'properties' AS properties
                FROM items
                WHERE items.collection = collection_id AND (since IS NULL OR items.id IN (
                    SELECT changed.id FROM dinamis.item AS changed
                    WHERE changed.collection = collection_id AND changed.change > since
                ))
                OFFSET 0
            ) AS stored
            CROSS JOIN unnest(names) AS wanted (name)
            WHERE NOT stored.properties ? wanted.name
            GROUP BY wanted.name
        ) AS counted
    );
END
$$;

-- What no Item lacked before is looked for in those alone that changed since.
CREATE FUNCTION dinamis.items_lacking(collection_id text, names text[]) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path TO pgstac, public AS $$
#variable_conflict use_column
DECLARE
    latest constant bigint := dinamis.latest_change(collection_id);
    since constant bigint := (
        SELECT CASE count(*) WHEN cardinality(names) THEN min(change) END FROM dinamis.complete_field
        WHERE collection = collection_id AND name = ANY(names)
    );
    lacking jsonb;
BEGIN
    IF since = latest THEN
        RETURN '{}';
    END IF;
    lacking := dinamis.count_lacking(collection_id, names, since);
    IF since IS NOT NULL AND lacking != '{}' THEN
        lacking := dinamis.count_lacking(collection_id, names, NULL);
    END IF;
    DELETE FROM dinamis.complete_field WHERE collection = collection_id AND name = ANY(names);
    INSERT INTO dinamis.complete_field
    SELECT collection_id, wanted, latest FROM unnest(names) AS wanted WHERE latest IS NOT NULL AND NOT lacking ? wanted;
    RETURN lacking;
END
$$;
COMMENT ON FUNCTION dinamis.items_lacking IS 'How many Items of a collection lack each of these properties; without those that none lacks.';

REVOKE ALL ON FUNCTION
    dinamis.facts_of_items, dinamis.lasting_facts, dinamis.latest_change, dinamis.facts_as_stac, dinamis.count_lacking,
    dinamis.items_lacking
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    dinamis.facts_of_items, dinamis.lasting_facts, dinamis.latest_change, dinamis.facts_as_stac, dinamis.count_lacking,
    dinamis.items_lacking
TO dinamis_harvest;
