-- The store: what Holdfast keeps beside the ledgers.

-- Which ledger holds a job, so that status and control find it with no worker running.
CREATE TABLE hf_registry (
  job_id     TEXT PRIMARY KEY,
  name       TEXT    NOT NULL,
  ledger_url TEXT    NOT NULL,                 -- absolute, without a password
  ledger_id  TEXT    NOT NULL,
  updated_at INTEGER NOT NULL
);

-- A lease a worker process, renewed while it lives.
CREATE TABLE hf_process (
  id         TEXT PRIMARY KEY,
  host       TEXT    NOT NULL,
  pid        INTEGER NOT NULL,
  jobs       TEXT    NOT NULL,                 -- JSON array of the job names it serves
  started_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
