-- Somebody is told of sources that no collection document names any more though records of them are in force.
ALTER TABLE dinamis.notice
    DROP CONSTRAINT notice_kind_check,
    ADD CONSTRAINT notice_kind_check
    CHECK (kind IN ('failure', 'withdrawals', 'breach', 'quarantine', 'stale', 'orphaned'));
COMMENT ON COLUMN dinamis.notice.run IS 'Of a stale source its last good run, or its first run where none was good; of an orphaned one its last harvest.';
