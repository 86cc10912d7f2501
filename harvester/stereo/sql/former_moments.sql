-- Satellites and moments of Items that were known as possible views of stereo sets until now.
SELECT platform, acquired_at
FROM dinamis.stereo_view
WHERE item = ANY(%(items)b::text []);
