-- Where Items stood before a run moved them, so that this can be undone too.

CREATE TABLE dinamis.item_move (
    run bigint NOT NULL REFERENCES dinamis.run,
    item text NOT NULL REFERENCES dinamis.item,
    collection text NOT NULL,
    PRIMARY KEY (run, item)
);
COMMENT ON TABLE dinamis.item_move IS 'An Item that a run moved to another collection, and the one where it stood before.';
CREATE INDEX item_move_item_idx ON dinamis.item_move (item);
GRANT SELECT, INSERT ON dinamis.item_move TO dinamis_harvest;

-- Of earlier runs the Items that were published then are known: they left a tombstone where they had stood.
INSERT INTO dinamis.item_move (run, item, collection)
SELECT
    run.id,
    tombstone.item,
    tombstone.collection
FROM dinamis.run INNER JOIN dinamis.tombstone
    ON
        tombstone.reason = 'it was moved to ' || (run.request ->> 'collection')
        AND tombstone.withdrawn_at BETWEEN run.started_at AND coalesce(run.finished_at, 'infinity')
WHERE
    (run.request ->> 'move')::boolean
    AND EXISTS (
        SELECT FROM dinamis.source_record
        WHERE source_record.item = tombstone.item AND source_record.feed = run.feed
    );
