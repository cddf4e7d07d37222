-- What folds of a dataset can be split by, so that a spec is refused when it is sent. Null: a version from before.
ALTER TABLE "dataset_version" ADD COLUMN "split_facts" JSONB;
