-- A heartbeat moves the end of a lease and the time a session was seen. Where neither is in an index and the page has
-- room, PostgreSQL writes the row in place (HOT) and touches no index of its table.
DROP INDEX "fold_status_lease_expires_at_idx";
DROP INDEX "session_status_last_seen_at_idx";
CREATE INDEX "session_status_idx" ON "session"("status");

ALTER TABLE "fold" SET (fillfactor = 70);
ALTER TABLE "session" SET (fillfactor = 70);
