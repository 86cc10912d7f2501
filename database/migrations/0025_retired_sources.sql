-- Sources that their collections name no more, or otherwise than before, are retired or renamed by runs of their own.
ALTER TABLE dinamis.run
    DROP CONSTRAINT run_kind_check,
    ADD CONSTRAINT run_kind_check CHECK (kind IN ('harvest', 'undo', 'replay', 'correct', 'retire', 'rename'));
