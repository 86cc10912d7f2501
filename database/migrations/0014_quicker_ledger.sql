-- What a large harvest pays for with every record. The pattern of ids was a repetition with a bound, which the server checks
-- by going through as many states; and that its run and its feed are there is sure, as the page that writes a record has
-- locked its part of that run, and runs and feeds are never removed.

ALTER TABLE dinamis.item
    DROP CONSTRAINT item_id_check,
    ADD CONSTRAINT item_id_check CHECK (id ~ '^[A-Za-z0-9][A-Za-z0-9_.-]*$' AND length(id) <= 200);
ALTER TABLE dinamis.source_record
    DROP CONSTRAINT source_record_feed_fkey,
    DROP CONSTRAINT source_record_run_fkey;
ALTER TABLE dinamis.record_version DROP CONSTRAINT record_version_run_fkey;
