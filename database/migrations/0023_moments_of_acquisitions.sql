-- Records of one acquisition differ in when and where they say that it was taken, and each of them is to be told by it.
-- What one of them says stays with the acquisition; of those that are known already the others follow as records change.

CREATE TABLE dinamis.scene_moment (
    scene text NOT NULL REFERENCES dinamis.scene ON DELETE CASCADE,
    platform text NOT NULL,
    acquired_at timestamptz NOT NULL,
    footprint bytea NOT NULL
);
COMMENT ON TABLE dinamis.scene_moment IS 'When and where else records say that an acquisition was taken, where they differ.';
COMMENT ON COLUMN dinamis.scene_moment.footprint IS 'WKB, WGS 84, as that of the acquisition.';
ALTER TABLE dinamis.scene_moment ALTER COLUMN footprint SET STATISTICS 0;
CREATE INDEX scene_moment_time_idx ON dinamis.scene_moment (platform, acquired_at);
CREATE INDEX scene_moment_scene_idx ON dinamis.scene_moment (scene);

GRANT SELECT, INSERT, DELETE ON dinamis.scene_moment TO dinamis_harvest;

CREATE OR REPLACE FUNCTION dinamis.analyze_ledger() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    ANALYZE dinamis.source_record, dinamis.record_version, dinamis.item, dinamis.scene, dinamis.scene_alias,
        dinamis.scene_moment;
$$;
