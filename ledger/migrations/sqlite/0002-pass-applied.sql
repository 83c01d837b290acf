-- Items applied when this pass began: of the source as it was before. What is known of the present source is told apart by it.
ALTER TABLE hf_job ADD COLUMN pass_applied INTEGER NOT NULL DEFAULT 0;
