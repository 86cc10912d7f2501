-- What a large harvest pays for with every record: a look at what each row points to, and indexes that nothing asks.

-- The page that writes a row has written what it points to just before, in the same transaction, where nobody else writes.
-- What must not happen is that this is taken away again: records and Items are there for good…
REVOKE DELETE ON dinamis.source_record, dinamis.item FROM dinamis_harvest;
ALTER TABLE dinamis.record_version DROP CONSTRAINT record_version_record_fkey;
ALTER TABLE dinamis.source_record DROP CONSTRAINT source_record_item_fkey;

-- …and an acquisition until it stands for nothing any more.
ALTER TABLE dinamis.item DROP CONSTRAINT item_scene_fkey;
ALTER TABLE dinamis.scene_alias DROP CONSTRAINT scene_alias_scene_fkey;
CREATE FUNCTION dinamis.refuse_forgetting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM dinamis.item WHERE scene = old.id)
        OR EXISTS (SELECT FROM dinamis.scene_alias WHERE scene = old.id)
    THEN
        RAISE foreign_key_violation USING MESSAGE = format('the acquisition %s still has Items or names', old.id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION dinamis.refuse_forgetting IS 'Refuses to remove an acquisition to which Items or names lead.';
CREATE TRIGGER refuse_forgetting AFTER DELETE ON dinamis.scene
FOR EACH ROW EXECUTE FUNCTION dinamis.refuse_forgetting();

-- Versions are looked for by their record. What a run changed is found in the order of the records, page by page, and a
-- record that changes need not be put into every index anew, as its run stands in none.
DROP INDEX dinamis.record_version_age_idx;
DROP INDEX dinamis.source_record_run_idx;

-- Nothing is planned by these, and samples of them are sorted whenever the ledger has grown.
ALTER TABLE dinamis.record_version ALTER COLUMN digest SET STATISTICS 0, ALTER COLUMN content SET STATISTICS 0;
ALTER TABLE dinamis.source_record ALTER COLUMN digest SET STATISTICS 0, ALTER COLUMN fingerprint SET STATISTICS 0;
ALTER TABLE dinamis.scene ALTER COLUMN footprint SET STATISTICS 0;

-- Numbers are taken a page at a time.
GRANT UPDATE ON SEQUENCE dinamis.change, dinamis.source_record_id_seq TO dinamis_harvest;
