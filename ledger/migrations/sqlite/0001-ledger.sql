-- The ledger: the durable record of what has landed. Lives in the sink's own database where the sink has one.

-- One row. `id` is made with the database: another id is another ledger. `commits` only grows: a smaller number than one
-- seen before means that an older copy was put back.
CREATE TABLE hf_ledger (
  one     INTEGER PRIMARY KEY CHECK (one = 1),
  id      TEXT    NOT NULL,
  commits INTEGER NOT NULL
);

-- A generation of a job. No totals here (every commit would fight for this row): they are sums over hf_chunk.
CREATE TABLE hf_job (
  job_no       INTEGER PRIMARY KEY,            -- short for (job_id, generation) in the tables below
  job_id       TEXT    NOT NULL,
  generation   INTEGER NOT NULL,
  name         TEXT    NOT NULL,
  params       TEXT    NOT NULL,               -- canonical JSON
  source       TEXT    NOT NULL,               -- identity; another one under an unfinished generation is refused
  source_title TEXT    NOT NULL,
  sink         TEXT    NOT NULL,
  sink_title   TEXT    NOT NULL,
  state        TEXT    NOT NULL,               -- running, complete, partial, failed, cancelled
  error        TEXT,                           -- why it failed
  epoch        INTEGER NOT NULL,               -- rises when a workflow starts, ends or is cancelled; older ones are refused
  run_id       TEXT,                           -- the workflow run that holds the epoch
  source_state TEXT,                           -- what was seen of the source when it was last planned
  pass         INTEGER NOT NULL DEFAULT 1,     -- rises when the source was replaced and is read from its start again
  next_cursor  TEXT,                           -- where planning goes on; null: at the start
  planned      INTEGER NOT NULL DEFAULT 0,     -- number of the last range chunk
  source_ended INTEGER NOT NULL DEFAULT 0,     -- 1: planning reached the source's end; 2: it stopped at the limit
  item_limit   INTEGER,                        -- --limit
  reserved     INTEGER NOT NULL DEFAULT 0,     -- order of key reservations, so that processes can catch up on each other's
  concurrency  INTEGER NOT NULL,
  rate         REAL,                           -- calls a second over all workers; null: unlimited
  paused       INTEGER NOT NULL DEFAULT 0,
  cancelling   INTEGER NOT NULL DEFAULT 0,
  base_applied INTEGER NOT NULL DEFAULT 0,     -- applied when this run began
  created_at   INTEGER NOT NULL,               -- milliseconds since 1970, as all times here
  started_at   INTEGER NOT NULL,               -- of this run
  ended_at     INTEGER,
  UNIQUE (job_id, generation)
);

-- A range of the source between two cursors (kind 0), or a lane that takes due items (kind 1).
CREATE TABLE hf_chunk (
  job_no      INTEGER NOT NULL,
  kind        INTEGER NOT NULL,
  number      INTEGER NOT NULL,
  pass        INTEGER NOT NULL,
  from_cursor TEXT,
  to_cursor   TEXT,
  next_cursor TEXT,                            -- where the following range starts (differs from to_cursor behind an unterminated record)
  checksum    TEXT,
  records     INTEGER NOT NULL DEFAULT 0,      -- as planned
  state       TEXT    NOT NULL,                -- planned, done, superseded (the source was replaced before it was done)
  fence       INTEGER NOT NULL DEFAULT 0,      -- raised by each attempt's claim
  seq         INTEGER NOT NULL DEFAULT 0,      -- raised by each commit, so that a commit whose answer was lost is not made twice
  owner       TEXT,                            -- process of the last claim
  landed      BLOB,                            -- a bit a position: its effect is in the sink by this chunk
  settled     BLOB,                            -- a bit a position: nothing is left to do here (landed, in hf_item, or another's)
  read        INTEGER NOT NULL DEFAULT 0,      -- records that are this chunk's own
  known       INTEGER NOT NULL DEFAULT 0,      -- records left out: their key is another's
  applied     INTEGER NOT NULL DEFAULT 0,
  calls       INTEGER NOT NULL DEFAULT 0,      -- recorded calls of the user's function, an item each
  retried     INTEGER NOT NULL DEFAULT 0,      -- those of them that were not an item's first
  PRIMARY KEY (job_no, kind, number)
) WITHOUT ROWID;

-- The first 16 bytes of SHA-256 of each record's key, in position order: 16 bytes an item instead of a row. Apart from
-- hf_chunk because every commit rewrites that row.
CREATE TABLE hf_keys (
  job_no     INTEGER NOT NULL,
  chunk      INTEGER NOT NULL,
  pass       INTEGER NOT NULL,
  tail       INTEGER NOT NULL,                 -- 1: behind an unterminated record; its keys may come again, and are known then
  reserve_no INTEGER NOT NULL,
  hashes     BLOB    NOT NULL,
  elsewhere  BLOB,                             -- a bit a position whose key is another chunk's; null: none
  PRIMARY KEY (job_no, chunk)
);
CREATE UNIQUE INDEX hf_keys_order ON hf_keys (job_no, reserve_no);

-- Items that are anything but simply landed.
CREATE TABLE hf_item (
  job_no      INTEGER NOT NULL,
  chunk       INTEGER NOT NULL,
  position    INTEGER NOT NULL,
  key         TEXT,                            -- null: the record had none that could be read
  state       TEXT    NOT NULL,                -- waiting, quarantined, unknown
  reason      TEXT    NOT NULL,                -- failed, malformed, schema, key, duplicate, too-large, sink
  attempts    INTEGER NOT NULL,
  due_at      INTEGER,
  lane        INTEGER,                         -- the retry lane that holds it
  lane_fence  INTEGER,
  input       TEXT,                            -- the item as the source gave it, encoded
  error       TEXT    NOT NULL,                -- JSON: code, message
  place       TEXT    NOT NULL,                -- JSON: file, line, byte or index
  updated_at  INTEGER NOT NULL,
  PRIMARY KEY (job_no, chunk, position)
) WITHOUT ROWID;
CREATE INDEX hf_item_due ON hf_item (job_no, state, due_at);

-- Results of jobs without a sink, in source order.
CREATE TABLE hf_result (
  job_no   INTEGER NOT NULL,
  chunk    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  key      TEXT    NOT NULL,
  result   TEXT    NOT NULL,
  PRIMARY KEY (job_no, chunk, position)
) WITHOUT ROWID;

-- What `ctx.once` recorded; gone when the item has landed.
CREATE TABLE hf_once (
  job_no   INTEGER NOT NULL,
  item_key TEXT    NOT NULL,
  name     TEXT    NOT NULL,
  value    TEXT    NOT NULL,
  PRIMARY KEY (job_no, item_key, name)
) WITHOUT ROWID;
