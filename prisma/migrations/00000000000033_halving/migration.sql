-- Experiments of a matrix that fall behind are stopped.

ALTER TABLE "matrix" ADD COLUMN "folds_compared" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "matrix_cell" ADD COLUMN "rungs" JSONB NOT NULL DEFAULT '{}', ADD COLUMN "stopped" JSONB;
