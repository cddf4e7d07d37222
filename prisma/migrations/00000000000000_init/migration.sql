-- CreateTable
CREATE TABLE "project" (
    "id" UUID NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "next_version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "project_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "dataset_version" (
    "id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "dataset" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "manifest" TEXT NOT NULL,
    "manifest_size" INTEGER NOT NULL,
    "shards" JSONB NOT NULL,
    "samples_train" INTEGER NOT NULL,
    "samples_test" INTEGER NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "label_groups" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "dataset_version_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "code_bundle" (
    "id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "digest" TEXT NOT NULL,
    "size_bytes" INTEGER NOT NULL,
    "files" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "code_bundle_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "experiment" (
    "id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'queued',
    "spec" JSONB NOT NULL,
    "spec_digest" TEXT NOT NULL,
    "dataset_version_id" UUID NOT NULL,
    "code_bundle_id" UUID,
    "cv" DOUBLE PRECISION,
    "cv_mean" DOUBLE PRECISION,
    "cv_std" DOUBLE PRECISION,
    "lb_public" DOUBLE PRECISION,
    "lb_private" DOUBLE PRECISION,
    "thresholds" JSONB,
    "test_predictions" JSONB,
    "failure" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completed_at" TIMESTAMPTZ(3),

    CONSTRAINT "experiment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "fold" (
    "id" UUID NOT NULL,
    "experiment_id" UUID NOT NULL,
    "index" INTEGER NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'ready',
    "pool" TEXT NOT NULL,
    "priority" INTEGER NOT NULL,
    "fence" INTEGER NOT NULL DEFAULT 0,
    "offer" INTEGER NOT NULL DEFAULT 1,
    "offered_at" TIMESTAMPTZ(3),
    "not_before" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "session_id" UUID,
    "lease_expires_at" TIMESTAMPTZ(3),
    "cancel_asked" BOOLEAN NOT NULL DEFAULT false,
    "progress" JSONB,
    "checkpoint_id" UUID,
    "failures" JSONB NOT NULL DEFAULT '{}',
    "lost_at_step" INTEGER,
    "lost_in_a_row" INTEGER NOT NULL DEFAULT 0,
    "failure" JSONB,
    "result" JSONB,
    "score" DOUBLE PRECISION,
    "completed_at" TIMESTAMPTZ(3),

    CONSTRAINT "fold_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "attempt" (
    "id" UUID NOT NULL,
    "fold_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "fence" INTEGER NOT NULL,
    "session_id" UUID NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'running',
    "start_step" INTEGER NOT NULL,
    "end_step" INTEGER,
    "failure" JSONB,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "attempt_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "session" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "accelerator" TEXT,
    "memory_bytes" BIGINT,
    "pools" TEXT[],
    "status" TEXT NOT NULL DEFAULT 'active',
    "deadline_at" TIMESTAMPTZ(3),
    "registered_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "checkpoint" (
    "id" UUID NOT NULL,
    "fold_id" UUID NOT NULL,
    "fence" INTEGER NOT NULL,
    "digest" TEXT NOT NULL,
    "step" INTEGER NOT NULL,
    "manifest" JSONB NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "checkpoint_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "metric" (
    "fold_id" UUID NOT NULL,
    "fence" INTEGER NOT NULL,
    "seq" INTEGER NOT NULL,
    "step" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "value" DOUBLE PRECISION NOT NULL,

    CONSTRAINT "metric_pkey" PRIMARY KEY ("fold_id","fence","seq")
);

-- CreateTable
CREATE TABLE "log_line" (
    "id" BIGSERIAL NOT NULL,
    "fold_id" UUID NOT NULL,
    "fence" INTEGER NOT NULL,
    "seq" INTEGER NOT NULL,
    "level" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "log_line_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "leaderboard" (
    "experiment_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "dataset" TEXT NOT NULL,
    "code" TEXT,
    "cv" DOUBLE PRECISION NOT NULL,
    "cv_mean" DOUBLE PRECISION NOT NULL,
    "cv_std" DOUBLE PRECISION NOT NULL,
    "fold_scores" DOUBLE PRECISION[],
    "lb_public" DOUBLE PRECISION,
    "lb_private" DOUBLE PRECISION,
    "attempts" INTEGER NOT NULL,
    "interruptions" INTEGER NOT NULL,
    "session_seconds" DOUBLE PRECISION NOT NULL,
    "completed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "leaderboard_pkey" PRIMARY KEY ("experiment_id")
);

-- CreateTable
CREATE TABLE "event" (
    "id" BIGSERIAL NOT NULL,
    "experiment_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "event_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "outbox" (
    "id" BIGSERIAL NOT NULL,
    "kind" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "telegram_chat" (
    "id" UUID NOT NULL,
    "chat_id" BIGINT NOT NULL,
    "title" TEXT NOT NULL,
    "paired_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "unpaired_at" TIMESTAMPTZ(3),

    CONSTRAINT "telegram_chat_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "telegram_pairing" (
    "code_hash" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "telegram_pairing_pkey" PRIMARY KEY ("code_hash")
);

-- CreateTable
CREATE TABLE "notification" (
    "id" UUID NOT NULL,
    "event_id" BIGINT NOT NULL,
    "chat_id" UUID NOT NULL,
    "sent_at" TIMESTAMPTZ(3),
    "dropped_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "notification_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "token" (
    "id" UUID NOT NULL,
    "hash" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "session_id" UUID,
    "expires_at" TIMESTAMPTZ(3),
    "used_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "idempotency_key" (
    "token_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "status" INTEGER,
    "body" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_key_pkey" PRIMARY KEY ("token_id","key")
);

-- CreateTable
CREATE TABLE "presence" (
    "service" TEXT NOT NULL,
    "up_since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "presence_pkey" PRIMARY KEY ("service")
);

-- CreateIndex
CREATE UNIQUE INDEX "project_slug_key" ON "project"("slug");

-- CreateIndex
CREATE UNIQUE INDEX "dataset_version_project_id_dataset_version_key" ON "dataset_version"("project_id", "dataset", "version");

-- CreateIndex
CREATE UNIQUE INDEX "code_bundle_project_id_digest_key" ON "code_bundle"("project_id", "digest");

-- CreateIndex
CREATE INDEX "experiment_status_idx" ON "experiment"("status");

-- CreateIndex
CREATE UNIQUE INDEX "experiment_project_id_version_key" ON "experiment"("project_id", "version");

-- CreateIndex
CREATE UNIQUE INDEX "fold_checkpoint_id_key" ON "fold"("checkpoint_id");

-- CreateIndex
CREATE INDEX "fold_status_not_before_idx" ON "fold"("status", "not_before");

-- CreateIndex
CREATE INDEX "fold_status_lease_expires_at_idx" ON "fold"("status", "lease_expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "fold_experiment_id_index_key" ON "fold"("experiment_id", "index");

-- CreateIndex
CREATE INDEX "attempt_session_id_idx" ON "attempt"("session_id");

-- CreateIndex
CREATE UNIQUE INDEX "attempt_fold_id_number_key" ON "attempt"("fold_id", "number");

-- CreateIndex
CREATE UNIQUE INDEX "attempt_fold_id_fence_key" ON "attempt"("fold_id", "fence");

-- CreateIndex
CREATE INDEX "session_status_last_seen_at_idx" ON "session"("status", "last_seen_at");

-- CreateIndex
CREATE UNIQUE INDEX "checkpoint_fold_id_digest_key" ON "checkpoint"("fold_id", "digest");

-- CreateIndex
CREATE INDEX "metric_fold_id_name_step_idx" ON "metric"("fold_id", "name", "step");

-- CreateIndex
CREATE INDEX "log_line_fold_id_id_idx" ON "log_line"("fold_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "log_line_fold_id_fence_seq_key" ON "log_line"("fold_id", "fence", "seq");

-- CreateIndex
CREATE INDEX "leaderboard_project_id_cv_idx" ON "leaderboard"("project_id", "cv" DESC);

-- CreateIndex
CREATE INDEX "event_experiment_id_id_idx" ON "event"("experiment_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "telegram_chat_chat_id_key" ON "telegram_chat"("chat_id");

-- CreateIndex
CREATE INDEX "notification_created_at_idx" ON "notification"("created_at");

-- CreateIndex
CREATE UNIQUE INDEX "notification_event_id_chat_id_key" ON "notification"("event_id", "chat_id");

-- CreateIndex
CREATE UNIQUE INDEX "token_hash_key" ON "token"("hash");

-- AddForeignKey
ALTER TABLE "dataset_version" ADD CONSTRAINT "dataset_version_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "code_bundle" ADD CONSTRAINT "code_bundle_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "experiment" ADD CONSTRAINT "experiment_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "experiment" ADD CONSTRAINT "experiment_dataset_version_id_fkey" FOREIGN KEY ("dataset_version_id") REFERENCES "dataset_version"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "experiment" ADD CONSTRAINT "experiment_code_bundle_id_fkey" FOREIGN KEY ("code_bundle_id") REFERENCES "code_bundle"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "fold" ADD CONSTRAINT "fold_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "fold" ADD CONSTRAINT "fold_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "session"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "fold" ADD CONSTRAINT "fold_checkpoint_id_fkey" FOREIGN KEY ("checkpoint_id") REFERENCES "checkpoint"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "attempt" ADD CONSTRAINT "attempt_fold_id_fkey" FOREIGN KEY ("fold_id") REFERENCES "fold"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "attempt" ADD CONSTRAINT "attempt_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "session"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "checkpoint" ADD CONSTRAINT "checkpoint_fold_id_fkey" FOREIGN KEY ("fold_id") REFERENCES "fold"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "metric" ADD CONSTRAINT "metric_fold_id_fkey" FOREIGN KEY ("fold_id") REFERENCES "fold"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "log_line" ADD CONSTRAINT "log_line_fold_id_fkey" FOREIGN KEY ("fold_id") REFERENCES "fold"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "leaderboard" ADD CONSTRAINT "leaderboard_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "leaderboard" ADD CONSTRAINT "leaderboard_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "event" ADD CONSTRAINT "event_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notification" ADD CONSTRAINT "notification_event_id_fkey" FOREIGN KEY ("event_id") REFERENCES "event"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notification" ADD CONSTRAINT "notification_chat_id_fkey" FOREIGN KEY ("chat_id") REFERENCES "telegram_chat"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "token" ADD CONSTRAINT "token_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "session"("id") ON DELETE SET NULL ON UPDATE CASCADE;
