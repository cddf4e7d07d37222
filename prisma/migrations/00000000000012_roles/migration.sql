-- Tokens of one project, that end and are replaced
ALTER TABLE "token"
    ADD COLUMN "previous_hash" TEXT,
    ADD COLUMN "previous_until" TIMESTAMPTZ(3),
    ADD COLUMN "name" TEXT,
    ADD COLUMN "project_id" UUID,
    ADD COLUMN "is_configured" BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN "last_used_at" TIMESTAMPTZ(3),
    ADD COLUMN "revoked_at" TIMESTAMPTZ(3),
    ADD COLUMN "rotated_at" TIMESTAMPTZ(3);
UPDATE "token" SET "name" = "role", "is_configured" = ("role" = 'owner' AND "expires_at" IS NULL);
ALTER TABLE "token" ALTER COLUMN "name" SET NOT NULL;
CREATE UNIQUE INDEX "token_previous_hash_key" ON "token"("previous_hash");
CREATE INDEX "token_created_at_id_idx" ON "token"("created_at", "id");
CREATE INDEX "token_project_id_created_at_id_idx" ON "token"("project_id", "created_at", "id");
ALTER TABLE "token" ADD CONSTRAINT "token_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Sessions of one project
ALTER TABLE "session" ADD COLUMN "project_id" UUID;
ALTER TABLE "session" ADD CONSTRAINT "session_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Who changed what
CREATE TABLE "audit_entry" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "token_id" UUID NOT NULL,
    "token" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "project" TEXT,
    "route" TEXT NOT NULL,
    "target" TEXT NOT NULL,
    "request_id" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "audit_entry_at_idx" ON "audit_entry"("at");
CREATE INDEX "audit_entry_project_id_idx" ON "audit_entry"("project", "id");
CREATE INDEX "audit_entry_token_id_id_idx" ON "audit_entry"("token_id", "id");
