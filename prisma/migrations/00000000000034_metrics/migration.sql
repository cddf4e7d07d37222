-- The bounds between which CV lies, and every metric of an experiment's OOF, whichever its spec goes by.
ALTER TABLE "experiment"
    ADD COLUMN "cv_low" DOUBLE PRECISION,
    ADD COLUMN "cv_high" DOUBLE PRECISION,
    ADD COLUMN "metrics" JSONB;

CREATE INDEX "experiment_project_id_cv_low_version_idx" ON "experiment"("project_id", "cv_low" DESC, "version");
CREATE INDEX "experiment_project_id_cv_high_version_idx" ON "experiment"("project_id", "cv_high" DESC, "version");
