-- What a chat chose for itself: its project, silence, and quiet messages gathered once a day.
ALTER TABLE "telegram_chat"
    ADD COLUMN "project_id" UUID,
    ADD COLUMN "muted_until" TIMESTAMPTZ(3),
    ADD COLUMN "digest_hour" INTEGER;

CREATE TABLE "telegram_mute" (
    "chat_id" UUID NOT NULL,
    "experiment_id" UUID NOT NULL,
    "muted_until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "telegram_mute_pkey" PRIMARY KEY ("chat_id","experiment_id")
);

CREATE TABLE "telegram_card" (
    "chat_id" UUID NOT NULL,
    "experiment_id" UUID NOT NULL,
    "message_id" BIGINT,
    "shown" TEXT,
    "due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "closed_at" TIMESTAMPTZ(3),

    CONSTRAINT "telegram_card_pkey" PRIMARY KEY ("chat_id","experiment_id")
);

CREATE TABLE "telegram_button" (
    "id" TEXT NOT NULL,
    "chat_id" UUID NOT NULL,
    "experiment_id" UUID NOT NULL,
    "action" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "telegram_button_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "telegram_update" (
    "bot_id" BIGINT NOT NULL,
    "update_id" BIGINT NOT NULL,
    "handled_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "telegram_update_pkey" PRIMARY KEY ("bot_id","update_id")
);

ALTER TABLE "notification"
    ADD COLUMN "is_urgent" BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN "held_until" TIMESTAMPTZ(3);

-- What waits already is as urgent as it was when it was written.
UPDATE "notification" n SET "is_urgent" = true FROM "event" e
WHERE e."id" = n."event_id" AND n."sent_at" IS NULL AND (
    e."kind" IN ('experiment-completed', 'experiment-failed')
    OR (e."kind" = 'fold-failed' AND e."payload"->>'outcome' = 'given-up'));

CREATE INDEX "telegram_card_closed_at_due_at_idx" ON "telegram_card"("closed_at", "due_at");
CREATE INDEX "telegram_button_chat_id_experiment_id_action_idx" ON "telegram_button"("chat_id", "experiment_id", "action");
CREATE INDEX "telegram_button_expires_at_idx" ON "telegram_button"("expires_at");
CREATE INDEX "telegram_update_handled_at_idx" ON "telegram_update"("handled_at");
CREATE INDEX "notification_sent_at_chat_id_event_id_idx" ON "notification"("sent_at", "chat_id", "event_id");

ALTER TABLE "telegram_chat" ADD CONSTRAINT "telegram_chat_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "telegram_mute" ADD CONSTRAINT "telegram_mute_chat_id_fkey" FOREIGN KEY ("chat_id") REFERENCES "telegram_chat"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "telegram_mute" ADD CONSTRAINT "telegram_mute_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "telegram_card" ADD CONSTRAINT "telegram_card_chat_id_fkey" FOREIGN KEY ("chat_id") REFERENCES "telegram_chat"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "telegram_card" ADD CONSTRAINT "telegram_card_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "telegram_button" ADD CONSTRAINT "telegram_button_chat_id_fkey" FOREIGN KEY ("chat_id") REFERENCES "telegram_chat"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "telegram_button" ADD CONSTRAINT "telegram_button_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
