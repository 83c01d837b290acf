-- Transactions that tasks have made here, so that a later try does not make them again.

CREATE TABLE hf_task_effect (
  scope  TEXT    NOT NULL,                     -- whose: a task call in a workflow, or an item of a job
  number INTEGER NOT NULL,                     -- which transaction of the attempt, from 1
  value  TEXT    NOT NULL,                     -- what the user's function returned
  at     INTEGER NOT NULL,
  PRIMARY KEY (scope, number)
) WITHOUT ROWID;

-- Old ones are removed.
CREATE INDEX hf_task_effect_at ON hf_task_effect (at);
