-- Letters that were to go later than they came: their delay is counted from then.
CREATE INDEX queued_later ON queued (due, id) WHERE due > accepted;
