-- Those of these moments of satellites that have two images, or the start of a stereo set, within reach.
-- OFFSET keeps the planner to the indexes on satellite and time; with 1 there must be two.
SELECT moment.platform, moment.taken
FROM unnest(%(platforms)b::text [], %(times)b::timestamptz []) AS moment (platform, taken)
WHERE
    EXISTS (
        SELECT FROM dinamis.stereo_view
        WHERE
            stereo_view.platform = moment.platform
            AND stereo_view.acquired_at BETWEEN moment.taken - %(reach)s AND moment.taken + %(reach)s
        OFFSET 1
    )
    OR EXISTS (
        SELECT FROM dinamis.stereo_set
        WHERE
            stereo_set.platform = moment.platform
            AND stereo_set.started_at BETWEEN moment.taken - %(reach)s AND moment.taken + %(reach)s
        OFFSET 0
    );
