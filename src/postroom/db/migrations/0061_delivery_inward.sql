-- A delivery for one account here, whose mailbox was full when the message came for many: JSON
-- (queue.rows.Inward). NULL for deliveries to whom the address leads, here or elsewhere.
ALTER TABLE delivery ADD COLUMN inward TEXT;
