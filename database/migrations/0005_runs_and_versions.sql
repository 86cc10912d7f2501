-- Several sources, several Items for one acquisition, runs that resume, and the history of every record.

-- Where records come from: one source of one collection, or a place named on the command line.
CREATE TABLE dinamis.feed (
    name text PRIMARY KEY,
    source text NOT NULL,
    kind text NOT NULL,
    collection text,
    location text NOT NULL,
    state text,
    unchanged_at timestamptz
);
COMMENT ON COLUMN dinamis.feed.state IS 'What the source said of itself as a whole when all of it had been harvested; equal = nothing has changed.';
COMMENT ON COLUMN dinamis.feed.unchanged_at IS 'When the source last said that nothing had changed; its records were not looked at one by one then.';
COMMENT ON TABLE dinamis.feed IS 'One source as it is harvested. Records are unique within `source`, which several feeds may share.';
COMMENT ON COLUMN dinamis.feed.kind IS 'The module that reads it.';

CREATE TABLE dinamis.run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed text NOT NULL REFERENCES dinamis.feed,
    kind text NOT NULL CHECK (kind IN ('harvest', 'undo', 'replay', 'correct')),
    request jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'cancelled')),
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    is_everything boolean NOT NULL,
    is_resumed boolean NOT NULL DEFAULT false,
    is_resumable boolean NOT NULL DEFAULT false,
    cancel_requested boolean NOT NULL DEFAULT false,
    active_before bigint NOT NULL DEFAULT 0,
    error text,
    undone_by bigint REFERENCES dinamis.run
);
COMMENT ON TABLE dinamis.run IS 'One run: what was asked, how it stands, and the account of its records.';
COMMENT ON COLUMN dinamis.run.active_before IS 'Active records of the feed when it began: the share that may be withdrawn is of these.';
CREATE INDEX run_feed_idx ON dinamis.run (feed, id DESC);

CREATE TABLE dinamis.run_part (
    run bigint NOT NULL REFERENCES dinamis.run ON DELETE CASCADE,
    part integer NOT NULL,
    selection jsonb NOT NULL,
    cursor text,
    pages integer NOT NULL DEFAULT 0,
    counts jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done')),
    holder uuid,
    worker text,
    heartbeat_at timestamptz,
    PRIMARY KEY (run, part)
);
COMMENT ON TABLE dinamis.run_part IS 'A part of a run that one worker at a time harvests; its cursor is committed with each page.';
COMMENT ON COLUMN dinamis.run_part.holder IS 'Who may commit pages of it: whoever claims the part puts another holder here.';

CREATE TABLE dinamis.run_note (
    run bigint NOT NULL REFERENCES dinamis.run ON DELETE CASCADE,
    kind text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL,
    times bigint NOT NULL DEFAULT 1,
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (run, kind, subject)
);
COMMENT ON TABLE dinamis.run_note IS 'What a run has to say of single records, and of what it met many times.';

-- The order of changes of the catalogue. Writers take turns, so a greater number is never committed earlier.
CREATE SEQUENCE dinamis.change;

CREATE TABLE dinamis.item (
    id text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$'),
    scene text NOT NULL,
    collection text NOT NULL,
    is_published boolean NOT NULL,
    is_archive boolean NOT NULL DEFAULT false,
    created timestamptz NOT NULL,
    updated timestamptz NOT NULL,
    first_change bigint NOT NULL,
    change bigint NOT NULL DEFAULT nextval('dinamis.change')
);
COMMENT ON TABLE dinamis.item IS 'One Item: its id is given for good. An acquisition has at most one in each collection.';
COMMENT ON COLUMN dinamis.item.first_change IS 'The change by which it was last published after not being there.';

CREATE TABLE dinamis.tombstone (
    collection text NOT NULL,
    item text NOT NULL,
    withdrawn_at timestamptz NOT NULL,
    reason text NOT NULL,
    change bigint NOT NULL DEFAULT nextval('dinamis.change'),
    PRIMARY KEY (collection, item)
);
COMMENT ON TABLE dinamis.tombstone IS 'An Item that stood in a collection and does not any more, and why.';

INSERT INTO dinamis.item (id, scene, collection, is_published, created, updated, first_change)
SELECT
    scene.id,
    scene.id,
    scene.collection,
    EXISTS (
        SELECT FROM dinamis.source_record
        WHERE source_record.scene = scene.id AND source_record.state = 'active'
    ),
    scene.created,
    scene.created,
    0
FROM dinamis.scene
ORDER BY scene.created, scene.id;

ALTER TABLE dinamis.scene DROP COLUMN collection;
ALTER TABLE dinamis.scene
    ADD COLUMN platform text,
    ADD COLUMN acquired_at timestamptz,
    ADD COLUMN footprint bytea;
COMMENT ON TABLE dinamis.scene IS 'One acquisition. Its id never changes.';
COMMENT ON COLUMN dinamis.scene.footprint IS 'WKB, WGS 84: with platform and time it tells whether records without a common key are of one acquisition.';
CREATE INDEX scene_moment_idx ON dinamis.scene (platform, acquired_at);
ALTER TABLE dinamis.item ADD FOREIGN KEY (scene) REFERENCES dinamis.scene;
CREATE UNIQUE INDEX item_published_idx ON dinamis.item (scene, collection) WHERE is_published;
CREATE INDEX item_scene_idx ON dinamis.item (scene);
CREATE INDEX item_change_idx ON dinamis.item (collection, change);
CREATE INDEX tombstone_change_idx ON dinamis.tombstone (collection, change);

-- The narrow row is written at every sighting; what the record said lies apart and is written only when it changes.
ALTER TABLE dinamis.source_record RENAME TO former_record;
ALTER TABLE dinamis.former_record RENAME CONSTRAINT source_record_pkey TO former_record_pkey;
DROP INDEX dinamis.source_record_scene_idx;

INSERT INTO dinamis.feed (name, source, kind, location)
SELECT DISTINCT source, source, source, '' FROM dinamis.former_record;

CREATE TABLE dinamis.source_record (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    record text NOT NULL,
    feed text NOT NULL REFERENCES dinamis.feed,
    state text NOT NULL CHECK (state IN ('active', 'withdrawn', 'quarantined')),
    stage text,
    reason text CHECK ((state = 'active') = (reason IS NULL)),
    digest bytea NOT NULL CHECK (length(digest) = 32),
    fingerprint text,
    version integer NOT NULL DEFAULT 1,
    item text REFERENCES dinamis.item,
    run bigint REFERENCES dinamis.run,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    last_changed timestamptz NOT NULL,
    absent_since timestamptz,
    UNIQUE (source, record),
    CHECK (state != 'active' OR item IS NOT NULL)
) WITH (fillfactor = 70);
COMMENT ON TABLE dinamis.source_record IS 'One row for each record that a source ever gave us, and how it stands.';
COMMENT ON COLUMN dinamis.source_record.digest IS 'SHA-256 of the canonical JSON: an equal digest means an unchanged record.';
COMMENT ON COLUMN dinamis.source_record.fingerprint IS 'By which the source can tell that nothing changed, without reading.';
COMMENT ON COLUMN dinamis.source_record.stage IS 'Where a quarantined record was refused: read, place or build.';
COMMENT ON COLUMN dinamis.source_record.run IS 'The run that changed it last.';
COMMENT ON COLUMN dinamis.source_record.absent_since IS 'Since when complete runs have not seen it.';

INSERT INTO dinamis.source_record
    (source, record, feed, state, stage, reason, digest, item, first_seen, last_seen, last_changed)
SELECT
    source,
    record,
    source,
    state,
    CASE WHEN state = 'quarantined' THEN 'read' END,
    reason,
    digest,
    scene,
    first_seen,
    last_seen,
    last_changed
FROM dinamis.former_record;

CREATE TABLE dinamis.record_version (
    record bigint NOT NULL REFERENCES dinamis.source_record ON DELETE CASCADE,
    version integer NOT NULL,
    run bigint REFERENCES dinamis.run,
    stored_at timestamptz NOT NULL,
    state text NOT NULL,
    digest bytea NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (record, version)
);
COMMENT ON TABLE dinamis.record_version IS 'What a record said, version by version; the newest is that of source_record.version.';
COMMENT ON COLUMN dinamis.record_version.content IS 'Canonical JSON; of releases before runs, the same compressed by zlib.';

DO $$
BEGIN
    -- Five times quicker than the default; a server built without it keeps the default.
    ALTER TABLE dinamis.record_version ALTER COLUMN content SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END
$$;

INSERT INTO dinamis.record_version (record, version, stored_at, state, digest, content)
SELECT source_record.id, 1, former_record.last_changed, former_record.state, former_record.digest, former_record.content
FROM dinamis.former_record
INNER JOIN dinamis.source_record USING (source, record);

DROP TABLE dinamis.former_record;

CREATE INDEX source_record_item_idx ON dinamis.source_record (item) WHERE state = 'active';
CREATE INDEX source_record_feed_idx ON dinamis.source_record (feed, state);
CREATE INDEX source_record_run_idx ON dinamis.source_record (run);
CREATE INDEX record_version_age_idx ON dinamis.record_version (stored_at);

CREATE TABLE dinamis.correction (
    item text NOT NULL REFERENCES dinamis.item,
    field text NOT NULL,
    value jsonb NOT NULL,
    reason text NOT NULL,
    author text NOT NULL,
    created timestamptz NOT NULL,
    PRIMARY KEY (item, field)
);
COMMENT ON TABLE dinamis.correction IS 'What we know better than the sources; applied on top of what they say, at every rebuild.';

-- The harvester does not own its tables, and a plan for empty ones makes the next harvest of a large one crawl.
CREATE FUNCTION dinamis.analyze_ledger() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    ANALYZE dinamis.source_record, dinamis.record_version, dinamis.item, dinamis.scene, dinamis.scene_alias;
$$;
REVOKE ALL ON FUNCTION dinamis.analyze_ledger() FROM public;
GRANT EXECUTE ON FUNCTION dinamis.analyze_ledger() TO dinamis_harvest;

CREATE TABLE dinamis.collection_harvest (
    collection text PRIMARY KEY,
    harvested_at timestamptz NOT NULL
);
COMMENT ON TABLE dinamis.collection_harvest IS 'When the records of a collection were last harvested with success, changed or not.';

GRANT SELECT, INSERT, UPDATE, DELETE
ON
    dinamis.collection_harvest, dinamis.feed, dinamis.run, dinamis.run_part, dinamis.run_note, dinamis.item, dinamis.tombstone,
    dinamis.source_record, dinamis.record_version, dinamis.correction
TO dinamis_harvest;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA dinamis TO dinamis_harvest;
-- What the feed of changes shows, and nothing of what the sources said.
GRANT SELECT ON dinamis.item, dinamis.tombstone, dinamis.collection_harvest TO dinamis_api;
