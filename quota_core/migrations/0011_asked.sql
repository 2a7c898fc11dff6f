-- Reason: a test, or a delivery once more, leaves because somebody asked; without a pause between two of them, that could
-- be turned against whoever's address a recipient is.

ALTER TABLE recipients ADD COLUMN asked_ms INTEGER;   -- when its owner last asked for something to be sent at once
