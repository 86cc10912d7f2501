-- The harvest ledger: what every source said, and which scene (Item) it belongs to.
-- Items are rebuilt from here, never patched, so the raw content of each record is kept (zlib-compressed JSON).

CREATE TABLE dinamis.scene (
    id text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$'),
    collection text NOT NULL,
    created timestamptz NOT NULL
);
COMMENT ON TABLE dinamis.scene IS 'One acquisition. The id is that of its Item, unique over the whole catalogue, and never changes.';

CREATE TABLE dinamis.scene_alias (
    key text PRIMARY KEY,
    scene text NOT NULL REFERENCES dinamis.scene ON DELETE CASCADE
);
COMMENT ON TABLE dinamis.scene_alias IS 'Every name under which an acquisition is known: equal key, same acquisition.';
CREATE INDEX scene_alias_scene_idx ON dinamis.scene_alias (scene);

CREATE TABLE dinamis.source_record (
    source text NOT NULL,
    record text NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    content bytea NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'quarantined')),
    reason text CHECK ((state = 'quarantined') = (reason IS NOT NULL)),
    scene text REFERENCES dinamis.scene,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    last_changed timestamptz NOT NULL,
    PRIMARY KEY (source, record),
    CHECK (state = 'quarantined' OR scene IS NOT NULL)
);
COMMENT ON TABLE dinamis.source_record IS 'One row for each record that a source ever gave us, with what it said last.';
COMMENT ON COLUMN dinamis.source_record.digest IS 'SHA-256 of the canonical JSON: an equal digest means an unchanged record.';
COMMENT ON COLUMN dinamis.source_record.content IS 'The raw content, zlib-compressed canonical JSON.';
-- Already compressed: a second compression would only cost time.
ALTER TABLE dinamis.source_record ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX source_record_scene_idx ON dinamis.source_record (scene) WHERE state = 'active';

GRANT SELECT, INSERT, UPDATE, DELETE ON dinamis.scene, dinamis.scene_alias, dinamis.source_record TO dinamis_harvest;

-- The harvester drains pgSTAC's queue of deferred statements itself, as itself: pgSTAC grants this to its admin only.
GRANT EXECUTE ON FUNCTION pgstac.run_queued_query() TO dinamis_harvest;
