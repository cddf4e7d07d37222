-- A spec may name several models, of which each fold draws one: the column has all of their names.
DROP INDEX "experiment_project_id_model_version_idx";
ALTER TABLE "experiment" DROP COLUMN "model";
ALTER TABLE "experiment" ADD COLUMN "model" TEXT
    GENERATED ALWAYS AS (translate(jsonb_path_query_array("spec", '$.model[*].name')::text, '[]"', '')) STORED;
CREATE INDEX "experiment_project_id_model_version_idx" ON "experiment"("project_id", "model", "version");
