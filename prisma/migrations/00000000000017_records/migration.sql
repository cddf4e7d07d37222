-- CreateTable
CREATE TABLE "artifact" (
    "id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "note" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "artifact_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "provider_profile" (
    "provider" TEXT NOT NULL,
    "session_seconds" DOUBLE PRECISION,
    "idle_seconds" DOUBLE PRECISION,
    "weekly_gpu_seconds" DOUBLE PRECISION,
    "concurrent_sessions" INTEGER,
    "accelerators" TEXT[],
    "note" TEXT NOT NULL,
    "terms" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "provider_profile_pkey" PRIMARY KEY ("provider")
);

-- CreateIndex
CREATE UNIQUE INDEX "artifact_project_id_name_key" ON "artifact"("project_id", "name");

-- CreateIndex
CREATE INDEX "artifact_digest_idx" ON "artifact"("digest");

-- CreateIndex
CREATE INDEX "experiment_dataset_version_id_version_idx" ON "experiment"("dataset_version_id", "version");

-- CreateIndex
CREATE INDEX "experiment_code_bundle_id_version_idx" ON "experiment"("code_bundle_id", "version");

-- CreateIndex
CREATE INDEX "checkpoint_fold_id_step_idx" ON "checkpoint"("fold_id", "step");

-- AddForeignKey
ALTER TABLE "artifact" ADD CONSTRAINT "artifact_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- What is known of the providers. None of it was tried against the live services: every number is there to be corrected.
INSERT INTO "provider_profile" ("provider", "session_seconds", "idle_seconds", "weekly_gpu_seconds", "concurrent_sessions", "accelerators", "note", "terms") VALUES
    ('kaggle', 43200, NULL, 108000, 2, '{NvidiaTeslaT4,TpuV5E8}',
     'A batch session: 12 h on CPU or GPU, 9 h on TPU, no idle rule (an interactive one ends after 20 to 60 min); GPU 30 h a week or more, TPU about 20 h; 2 batch GPU sessions an account. NvidiaTeslaT4 is two T4 of 16 GB. From Kaggle''s documentation, dated notes of users and a public unattended driver, 2026-08 and 2026-09.',
     'Kaggle terms of use: https://www.kaggle.com/terms'),
    ('colab', 43200, 5400, NULL, 1, '{T4}',
     'Free Colab: at most 12 h and not promised, ended after about 90 min idle, 1 or 2 sessions, a quota that is hidden. It is for sessions that a person starts: its terms disallow workers of distributed computing without a paid plan. With Pro or Pro+ up to 24 h, compute units, T4, L4, G4, A100 and H100. From the Colab FAQ, google-colab-cli and notes of users, 2026-09 and 2026-11.',
     'Colab FAQ and terms: https://research.google.com/colaboratory/faq.html'),
    ('container', NULL, NULL, NULL, NULL, '{}', 'A container of your own: it has no limits but those that you give it.', ''),
    ('local', NULL, NULL, NULL, NULL, '{}', 'A machine of your own: it has no limits but those that you give it.', '');
