-- Steps that a task in a user's workflow has recorded (ctx.once), while the task is not done. Those of a job's items are in its ledger.

CREATE TABLE hf_task_once (
  scope TEXT    NOT NULL,                      -- the task's call
  name  TEXT    NOT NULL,
  value TEXT    NOT NULL,
  at    INTEGER NOT NULL,
  PRIMARY KEY (scope, name)
) WITHOUT ROWID;

-- Those of calls that nobody ended are removed when they are old.
CREATE INDEX hf_task_once_at ON hf_task_once (at);
