-- Experiments that were started together, from one spec.

ALTER TABLE "experiment" ADD COLUMN "matrix" INTEGER;
CREATE INDEX "experiment_project_id_matrix_version_idx" ON "experiment"("project_id", "matrix" DESC, "version");

CREATE TABLE "matrix" (
    "id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "spec" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "matrix_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "matrix_project_id_version_key" ON "matrix"("project_id", "version");
ALTER TABLE "matrix" ADD CONSTRAINT "matrix_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

CREATE TABLE "matrix_cell" (
    "experiment_id" UUID NOT NULL,
    "matrix_id" UUID NOT NULL,
    "values" JSONB NOT NULL,

    CONSTRAINT "matrix_cell_pkey" PRIMARY KEY ("experiment_id")
);
CREATE INDEX "matrix_cell_matrix_id_idx" ON "matrix_cell"("matrix_id");
ALTER TABLE "matrix_cell" ADD CONSTRAINT "matrix_cell_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "matrix_cell" ADD CONSTRAINT "matrix_cell_matrix_id_fkey" FOREIGN KEY ("matrix_id") REFERENCES "matrix"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
