-- AlterTable
ALTER TABLE "project" ADD COLUMN "next_submission" INTEGER NOT NULL DEFAULT 1;

-- CreateTable
CREATE TABLE "submission" (
    "id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "experiment_id" UUID NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'queued',
    "options" JSONB NOT NULL,
    "thresholds" JSONB,
    "file_digest" TEXT,
    "file_size" BIGINT,
    "rows" INTEGER,
    "failure" JSONB,
    "lb_public" DOUBLE PRECISION,
    "lb_private" DOUBLE PRECISION,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ready_at" TIMESTAMPTZ(3),
    "scored_at" TIMESTAMPTZ(3),

    CONSTRAINT "submission_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "submission_project_id_number_key" ON "submission"("project_id", "number");

-- CreateIndex
CREATE INDEX "submission_experiment_id_number_idx" ON "submission"("experiment_id", "number");

-- CreateIndex
CREATE INDEX "submission_status_created_at_idx" ON "submission"("status", "created_at");

-- CreateIndex
CREATE INDEX "submission_file_digest_idx" ON "submission"("file_digest");

-- AddForeignKey
ALTER TABLE "submission" ADD CONSTRAINT "submission_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "submission" ADD CONSTRAINT "submission_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
