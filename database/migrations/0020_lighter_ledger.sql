-- What a large harvest pays for with every record: indexes that nothing asks, and samples of what nothing is planned by.

-- Versions are looked for by their record. What a run changed is found in the order of the records, page by page, and a
-- record that changes need not be put into every index anew, as its run stands in none.
DROP INDEX dinamis.record_version_age_idx;
DROP INDEX dinamis.source_record_run_idx;

-- Samples of these are sorted whenever the ledger has grown.
ALTER TABLE dinamis.record_version ALTER COLUMN digest SET STATISTICS 0, ALTER COLUMN content SET STATISTICS 0;
ALTER TABLE dinamis.source_record ALTER COLUMN digest SET STATISTICS 0, ALTER COLUMN fingerprint SET STATISTICS 0;
ALTER TABLE dinamis.scene ALTER COLUMN footprint SET STATISTICS 0;

-- Numbers are taken a page at a time.
GRANT UPDATE ON SEQUENCE dinamis.change, dinamis.source_record_id_seq TO dinamis_harvest;

-- Records and Items are there for good, and an acquisition until it stands for nothing any more: no name goes with it.
REVOKE DELETE ON dinamis.source_record, dinamis.item FROM dinamis_harvest;
ALTER TABLE dinamis.scene_alias
    DROP CONSTRAINT scene_alias_scene_fkey,
    ADD CONSTRAINT scene_alias_scene_fkey FOREIGN KEY (scene) REFERENCES dinamis.scene;
