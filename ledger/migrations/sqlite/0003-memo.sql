-- What memoization spared, beside the calls that were made.
ALTER TABLE hf_chunk ADD COLUMN memo_hits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hf_chunk ADD COLUMN memo_misses INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hf_chunk ADD COLUMN memo_saved_ms REAL NOT NULL DEFAULT 0;
-- When this run was asked for, however often it was killed since: with `refresh`, older results are not taken.
ALTER TABLE hf_job ADD COLUMN asked_at INTEGER;
ALTER TABLE hf_job ADD COLUMN refresh INTEGER NOT NULL DEFAULT 0;
