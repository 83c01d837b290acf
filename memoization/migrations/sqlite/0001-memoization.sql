-- Stored results of memoized tasks, and who computes one at present.

-- A task in one version: short for both in the tables below, and what a miss by another version is explained from.
CREATE TABLE hf_memo_task (
  task_no INTEGER PRIMARY KEY,
  name    TEXT    NOT NULL,
  version TEXT    NOT NULL,
  UNIQUE (name, version)
);

-- Folders in which result files were written, noted before the first file, so that what nothing refers to is found.
CREATE TABLE hf_memo_folder (
  folder_no INTEGER PRIMARY KEY,
  path      TEXT    NOT NULL UNIQUE
);

-- Stored results, in the order in which they came: a row that is replaced stays until its key is settled.
CREATE TABLE hf_memo (
  entry_no       INTEGER PRIMARY KEY AUTOINCREMENT,
  key            BLOB    NOT NULL,             -- the first half of the key, which is what is searched for
  tail           BLOB    NOT NULL,             -- the other half, compared when a row is taken
  task_no        INTEGER NOT NULL,
  made_at        INTEGER NOT NULL,             -- milliseconds since 1970, as all times here
  expires_at     INTEGER,                      -- null: never
  invalidated_at INTEGER,
  cost_ms        REAL    NOT NULL,
  made_by        TEXT    NOT NULL,
  form           INTEGER NOT NULL,             -- 0: the encoding of definitions/values.ts; 1: the caller's own
  sealed         INTEGER NOT NULL,
  bytes          INTEGER NOT NULL,             -- of the result as it is stored
  checksum       INTEGER,                      -- CRC-32 of a value that is in the row, begun with the key
  folder_no      INTEGER,                      -- the result is a file there, named by its SHA-256
  file           BLOB,
  parts          TEXT    NOT NULL,             -- JSON: part of the key's value -> text, cut or hashed
  value          BLOB                          -- last: what only lists entries does not read it
);
CREATE INDEX hf_memo_file ON hf_memo (file) WHERE file IS NOT NULL;

-- Where the result of a key is. Keys are random, so that each row of a commit would change a page of its own here: commits write
-- hf_memo_recent instead, and tens of thousands of keys are settled together.
CREATE TABLE hf_memo_index (
  key      BLOB    PRIMARY KEY,
  entry_no INTEGER NOT NULL
) WITHOUT ROWID;

-- The keys of one commit, in the order of its rows, which follow each other from `first_no`: 16 bytes each. They go before the
-- index, and a later commit before an earlier one.
CREATE TABLE hf_memo_recent (
  batch_no INTEGER PRIMARY KEY AUTOINCREMENT,
  first_no INTEGER NOT NULL,
  keys     BLOB    NOT NULL
);

-- One row while keys are being settled: those of commits up to `last_batch`, a slice of all keys after the other.
CREATE TABLE hf_memo_settle (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  last_batch INTEGER NOT NULL,
  slice      INTEGER NOT NULL
);

-- Keys that are being computed. `token` is random: a holder that was given up or invalidated stores nothing.
CREATE TABLE hf_memo_claim (
  key        BLOB    PRIMARY KEY,              -- all 32 bytes
  token      TEXT    NOT NULL,
  owner      TEXT    NOT NULL,                 -- a process; the claim is over when it is dead
  task_no    INTEGER NOT NULL,
  claimed_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Calls within the computation of `waiter` that wait for `awaited`. Only nested calls write here: they alone can close a circle.
CREATE TABLE hf_memo_wait (
  waiter  BLOB NOT NULL,
  token   TEXT NOT NULL,                       -- of the waiter's claim
  awaited BLOB NOT NULL,
  owner   TEXT NOT NULL,
  PRIMARY KEY (waiter, token, awaited)
) WITHOUT ROWID;
