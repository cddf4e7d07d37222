-- Lists that are read newest first, page by page.
CREATE INDEX "dataset_version_project_id_created_at_id_idx" ON "dataset_version"("project_id", "created_at" DESC, "id" DESC);
CREATE INDEX "code_bundle_project_id_created_at_id_idx" ON "code_bundle"("project_id", "created_at" DESC, "id" DESC);
CREATE INDEX "session_registered_at_id_idx" ON "session"("registered_at" DESC, "id" DESC);
