-- What a chat is told next is read in the order of an index, however much waits behind it.
DROP INDEX "notification_sent_at_chat_id_event_id_idx";
CREATE INDEX "notification_chat_id_sent_at_is_urgent_event_id_idx" ON "notification"("chat_id", "sent_at", "is_urgent" DESC, "event_id");
