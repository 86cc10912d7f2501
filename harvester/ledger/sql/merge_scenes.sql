-- Redirect the names of acquisitions to others that turned out to be the same.
UPDATE dinamis.scene_alias SET scene = merged.survivor
FROM unnest(%(others)b::text [], %(survivors)b::text []) AS merged (other, survivor)
WHERE scene = merged.other;
