-- What an experiment's trainings take from elsewhere: objects of other experiments and of artifacts, found when it was
-- created. Whatever stands here stays in storage.
ALTER TABLE "experiment" ADD COLUMN "inputs" JSONB NOT NULL DEFAULT '[]';
