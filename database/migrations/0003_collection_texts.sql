-- Collections in the reader's language: their translations, and a free-text search that knows French and English and
-- does without accents and capitals. pgSTAC's own stems English only: "littoral" would not find "littorale".

CREATE TABLE dinamis.collection_translation (
    collection text NOT NULL,
    language text NOT NULL CHECK (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$'),
    content jsonb NOT NULL CHECK (jsonb_typeof(content) = 'object'),
    PRIMARY KEY (collection, language)
);
COMMENT ON TABLE dinamis.collection_translation IS
    'The fields of a Collection that read otherwise in another language: title, description, keywords, item_assets.';

GRANT SELECT, INSERT, UPDATE, DELETE ON dinamis.collection_translation TO dinamis_harvest;
GRANT SELECT ON dinamis.collection_translation TO dinamis_api;

-- The dictionary is named with its schema, which is the administrator's choice on an external server.
DO $$
DECLARE
    unaccent text := (
        SELECT format('%I.unaccent', nspname)
        FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
        WHERE extname = 'unaccent'
    );
    language text;
BEGIN
    FOREACH language IN ARRAY ARRAY['french', 'english'] LOOP
        EXECUTE format('CREATE TEXT SEARCH CONFIGURATION dinamis.%I (COPY = pg_catalog.%I)', language, language);
        EXECUTE format(
            'ALTER TEXT SEARCH CONFIGURATION dinamis.%I ALTER MAPPING FOR hword, hword_part, word WITH %s, %I',
            language, unaccent, language || '_stem'
        );
    END LOOP;
END
$$;

CREATE FUNCTION dinamis.collections_matching(terms text[]) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path TO pg_catalog AS $$
    WITH texts AS (
        SELECT id, concat_ws(' . ', id, content ->> 'title', content ->> 'description', content ->> 'keywords') AS body
        FROM pgstac.collections
        UNION ALL
        SELECT collection, concat_ws(' . ', content ->> 'title', content ->> 'description', content ->> 'keywords')
        FROM dinamis.collection_translation
    ),
    -- "SPOT 6/7", "spot-6-7" and "spot 6 7" are one text.
    spaced AS (SELECT id, translate(body, '-_/', '   ') AS body FROM texts),
    wanted AS (SELECT translate(term, '-_/', '   ') AS term FROM unnest(terms) AS term)
    SELECT DISTINCT id
    FROM spaced CROSS JOIN wanted
    WHERE to_tsvector('dinamis.french', body) @@ phraseto_tsquery('dinamis.french', term)
       OR to_tsvector('dinamis.english', body) @@ phraseto_tsquery('dinamis.english', term);
$$;
COMMENT ON FUNCTION dinamis.collections_matching IS
    'Ids of the collections whose texts, in any language, have one of the terms; the words of a term stand together.';

REVOKE ALL ON FUNCTION dinamis.collections_matching FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dinamis.collections_matching TO dinamis_api;
