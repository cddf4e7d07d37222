-- What experiments are listed, filtered and sorted by, typed and indexed. The leaderboard is a list of completed
-- experiments, so it needs no table of its own.

ALTER TABLE "experiment"
    ADD COLUMN "fold_min" DOUBLE PRECISION,
    ADD COLUMN "fold_max" DOUBLE PRECISION,
    ADD COLUMN "dataset" TEXT GENERATED ALWAYS AS ("spec"->>'dataset') STORED,
    ADD COLUMN "code" TEXT GENERATED ALWAYS AS (left("spec"->>'code', 12)) STORED,
    ADD COLUMN "model" TEXT GENERATED ALWAYS AS ("spec"->'model'->>'name') STORED,
    ADD COLUMN "gap" DOUBLE PRECISION GENERATED ALWAYS AS ("cv" - "lb_public") STORED;

UPDATE "experiment" e SET "fold_min" = scored."min", "fold_max" = scored."max"
FROM (SELECT "experiment_id", min("score"), max("score") FROM "fold" GROUP BY "experiment_id") scored
WHERE scored."experiment_id" = e."id" AND e."status" = 'completed';

CREATE TABLE "tally" (
    "experiment_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "interruptions" INTEGER NOT NULL DEFAULT 0,
    "folds_total" INTEGER NOT NULL,
    "folds_completed" INTEGER NOT NULL DEFAULT 0,
    "session_seconds" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "gpu_seconds" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "session_hours" DOUBLE PRECISION GENERATED ALWAYS AS ("session_seconds" / 3600) STORED,
    "gpu_hours" DOUBLE PRECISION GENERATED ALWAYS AS ("gpu_seconds" / 3600) STORED,

    CONSTRAINT "tally_pkey" PRIMARY KEY ("experiment_id")
);

ALTER TABLE "tally" ADD CONSTRAINT "tally_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

INSERT INTO "tally" ("experiment_id", "project_id", "version", "attempts", "interruptions", "folds_total", "folds_completed", "session_seconds", "gpu_seconds")
SELECT e."id", e."project_id", e."version", coalesce(a."attempts", 0), coalesce(a."interruptions", 0), f."total", f."completed",
    coalesce(a."session_seconds", 0), coalesce(a."gpu_seconds", 0)
FROM "experiment" e
JOIN LATERAL (
    SELECT count(*) AS "total", count(*) FILTER (WHERE "status" = 'completed') AS "completed"
    FROM "fold" WHERE "experiment_id" = e."id"
) f ON true
LEFT JOIN (
    SELECT f."experiment_id", count(*) AS "attempts",
        count(*) FILTER (WHERE a."status" IN ('handed_over', 'lost')) AS "interruptions",
        sum(extract(epoch FROM a."ended_at" - a."started_at")) AS "session_seconds",
        sum(extract(epoch FROM a."ended_at" - a."started_at")) FILTER (WHERE s."accelerator" IS NOT NULL) AS "gpu_seconds"
    FROM "attempt" a JOIN "fold" f ON f."id" = a."fold_id" JOIN "session" s ON s."id" = a."session_id"
    GROUP BY f."experiment_id"
) a ON a."experiment_id" = e."id";

DROP TABLE "leaderboard";

-- Of a value that may be missing the ones that are there are read in order, and those without one after them, in the
-- order of versions: the same index has both, in both directions.
CREATE INDEX "experiment_project_id_name_version_idx" ON "experiment"("project_id", "name", "version");
CREATE INDEX "experiment_project_id_status_version_idx" ON "experiment"("project_id", "status", "version");
CREATE INDEX "experiment_project_id_dataset_version_idx" ON "experiment"("project_id", "dataset", "version");
CREATE INDEX "experiment_project_id_code_version_idx" ON "experiment"("project_id", "code", "version");
CREATE INDEX "experiment_project_id_model_version_idx" ON "experiment"("project_id", "model", "version");
CREATE INDEX "experiment_project_id_cv_version_idx" ON "experiment"("project_id", "cv" DESC, "version");
CREATE INDEX "experiment_project_id_cv_mean_version_idx" ON "experiment"("project_id", "cv_mean" DESC, "version");
CREATE INDEX "experiment_project_id_cv_std_version_idx" ON "experiment"("project_id", "cv_std" DESC, "version");
CREATE INDEX "experiment_project_id_fold_min_version_idx" ON "experiment"("project_id", "fold_min" DESC, "version");
CREATE INDEX "experiment_project_id_fold_max_version_idx" ON "experiment"("project_id", "fold_max" DESC, "version");
CREATE INDEX "experiment_project_id_lb_public_version_idx" ON "experiment"("project_id", "lb_public" DESC, "version");
CREATE INDEX "experiment_project_id_lb_private_version_idx" ON "experiment"("project_id", "lb_private" DESC, "version");
CREATE INDEX "experiment_project_id_gap_version_idx" ON "experiment"("project_id", "gap" DESC, "version");
CREATE INDEX "experiment_project_id_created_at_version_idx" ON "experiment"("project_id", "created_at" DESC, "version");
CREATE INDEX "experiment_project_id_completed_at_version_idx" ON "experiment"("project_id", "completed_at" DESC, "version");
CREATE INDEX "tally_project_id_attempts_version_idx" ON "tally"("project_id", "attempts" DESC, "version");
CREATE INDEX "tally_project_id_interruptions_version_idx" ON "tally"("project_id", "interruptions" DESC, "version");
CREATE INDEX "tally_project_id_folds_total_version_idx" ON "tally"("project_id", "folds_total" DESC, "version");
CREATE INDEX "tally_project_id_folds_completed_version_idx" ON "tally"("project_id", "folds_completed" DESC, "version");
CREATE INDEX "tally_project_id_session_hours_version_idx" ON "tally"("project_id", "session_hours" DESC, "version");
CREATE INDEX "tally_project_id_gpu_hours_version_idx" ON "tally"("project_id", "gpu_hours" DESC, "version");

-- Any value in a spec, where it is compared by `=`.
CREATE INDEX "experiment_spec_idx" ON "experiment" USING GIN ("spec" jsonb_path_ops);
