-- The views that a satellite took in a period, in order of time.
SELECT item
FROM dinamis.stereo_view
WHERE platform = %(platform)s AND acquired_at >= %(first)s AND acquired_at < %(last)s
ORDER BY acquired_at, item;
