-- A spec may name several models, of which each fold draws one: the column has all of their names.
ALTER TABLE "experiment" DROP COLUMN "model";
ALTER TABLE "experiment" ADD COLUMN "model" TEXT GENERATED ALWAYS AS (
    CASE WHEN "blend" IS NULL THEN translate(jsonb_path_query_array("spec", '$.model[*].name')::text, '[]"', '') ELSE 'ensemble' END
) STORED;
CREATE INDEX "experiment_project_id_model_version_idx" ON "experiment"("project_id", "model", "version");
