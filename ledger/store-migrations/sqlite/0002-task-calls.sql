-- Calls of tasks in users' workflows, while they are not done. Those for a job's items are in its ledger. Calls that nobody ended
-- are removed when they are old.

-- How often a call has failed: crashes and waits are attempts of its activity, too, but no failures.
CREATE TABLE hf_task_call (
  scope    TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  at       INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX hf_task_call_at ON hf_task_call (at);

-- Steps that it has recorded (ctx.once).
CREATE TABLE hf_task_once (
  scope TEXT    NOT NULL,
  name  TEXT    NOT NULL,
  value TEXT    NOT NULL,
  at    INTEGER NOT NULL,
  PRIMARY KEY (scope, name)
) WITHOUT ROWID;

CREATE INDEX hf_task_once_at ON hf_task_once (at);
