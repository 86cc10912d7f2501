-- A file that was written anew as it was need not be read line by line.
ALTER TABLE dinamis.feed ADD COLUMN content_digest text;
COMMENT ON COLUMN dinamis.feed.content_digest IS 'Digest of all that the source gave when it was in its state; equal = nothing has changed, though its state is another.';
