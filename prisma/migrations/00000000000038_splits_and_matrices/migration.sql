-- What folds of a dataset can be split by, so that a spec is refused when it is sent. Null: a version from before.
ALTER TABLE "dataset_version" ADD COLUMN "split_facts" JSONB;

-- Matrices are listed, newest first.
CREATE INDEX "matrix_project_id_created_at_id_idx" ON "matrix"("project_id", "created_at" DESC, "id" DESC);
