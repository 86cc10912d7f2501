-- Whether a source is in the state, or has the content, in which it was last harvested, and the ledger holds all of it.
-- False if a record is in quarantine or absent, if the run has several parts, if the last run was not a successful
-- harvest, or if an amendment ended after that began. Renamings are ignored.
SELECT
    EXISTS (
        SELECT FROM dinamis.feed
        WHERE name = %(feed)s AND (state = %(state)s OR content_digest = %(content)s::text)
    )
    AND NOT EXISTS (
        SELECT FROM dinamis.source_record
        WHERE feed = %(feed)s
            AND (state = 'quarantined' OR (%(is_everything)s AND state = 'active' AND absent_since IS NOT NULL))
    )
    AND (SELECT count(*) FROM dinamis.run_part WHERE run = %(run)s) = 1
    AND (
        SELECT
            kind = 'harvest' AND state = 'succeeded'
            AND NOT EXISTS (
                SELECT FROM dinamis.run AS amendment
                WHERE amendment.feed = last.feed AND amendment.kind NOT IN ('harvest', 'rename')
                    AND last.started_at < coalesce(amendment.finished_at, 'infinity')
            )
        FROM dinamis.run AS last
        WHERE feed = %(feed)s AND id < %(run)s AND kind != 'rename'
        ORDER BY id DESC
        LIMIT 1
    );
