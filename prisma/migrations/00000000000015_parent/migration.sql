ALTER TABLE "experiment" ADD COLUMN "parent" INTEGER;
CREATE INDEX "experiment_project_id_parent_version_idx" ON "experiment"("project_id", "parent" DESC, "version");

-- Which fold a session holds.
CREATE INDEX "fold_session_id_idx" ON "fold"("session_id");
