-- Moves of Items are numbered in their order, as runs may be at work at once: each moves an Item before or after another
-- does, and perhaps again. Of the moves until now only the order of their runs is known.
ALTER TABLE dinamis.item_move DROP CONSTRAINT item_move_pkey, ADD COLUMN number bigint;
UPDATE dinamis.item_move AS moved SET number = ordered.number
FROM (SELECT run, item, row_number() OVER (ORDER BY run, item) AS number FROM dinamis.item_move) AS ordered
WHERE (moved.run, moved.item) = (ordered.run, ordered.item);
ALTER TABLE dinamis.item_move
    ALTER COLUMN number SET NOT NULL,
    ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY,
    ADD PRIMARY KEY (number);
SELECT setval(pg_get_serial_sequence('dinamis.item_move', 'number'), coalesce(max(number), 0) + 1, false)
FROM dinamis.item_move;
CREATE INDEX item_move_run_idx ON dinamis.item_move (run, item);
COMMENT ON COLUMN dinamis.item_move.number IS 'In the order of the moves: one transaction at a time writes the catalogue.';
