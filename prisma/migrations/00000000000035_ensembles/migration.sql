-- An experiment that is made of others' predictions: which, how, and with what weights. Its spec is that of the first of
-- them, so what is listed as its model is said otherwise.
ALTER TABLE "experiment" ADD COLUMN "blend" JSONB;

ALTER TABLE "experiment" DROP COLUMN "model";
ALTER TABLE "experiment" ADD COLUMN "model" TEXT
    GENERATED ALWAYS AS (CASE WHEN "blend" IS NULL THEN "spec"->'model'->>'name' ELSE 'ensemble' END) STORED;
CREATE INDEX "experiment_project_id_model_version_idx" ON "experiment"("project_id", "model", "version");
