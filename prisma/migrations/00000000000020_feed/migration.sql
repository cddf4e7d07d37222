-- Place of an event in the feed, given once its transaction has committed.
ALTER TABLE "event" ADD COLUMN "place" BIGINT;

CREATE UNIQUE INDEX "event_place_key" ON "event" ("place");
