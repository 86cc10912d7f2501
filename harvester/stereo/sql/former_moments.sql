-- Satellites and moments of Items that were views of stereo sets until now, or might have been.
SELECT platform, acquired_at
FROM dinamis.stereo_view
WHERE item = ANY(%(items)b::text []);
