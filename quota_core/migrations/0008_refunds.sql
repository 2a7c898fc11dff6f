-- Reason: the provider may keep a failure under a refund's key for ever; the next try needs another one.

ALTER TABLE orders ADD COLUMN refund_failures INTEGER NOT NULL DEFAULT 0 CHECK (refund_failures >= 0);
