-- What is found on OOF beside thresholds: how much the neighbours' vote weighs, and how far distances lower thresholds.
ALTER TABLE "experiment" ADD COLUMN "knn_weight" DOUBLE PRECISION, ADD COLUMN "distance_slope" DOUBLE PRECISION;
