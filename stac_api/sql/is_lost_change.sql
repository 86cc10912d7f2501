-- Whether a change was lost, perhaps, when the catalogue was restored.
-- $1: its number.
SELECT EXISTS (SELECT FROM dinamis.restoration WHERE $1 > last_kept AND $1 <= last_lost);
