-- Reason: refunds and disputes. What the provider reports of them is kept by payment, since it may come before the
-- payment itself; what they took of a purchase stands with its lot.

CREATE TABLE reversals (
    id TEXT PRIMARY KEY,               -- the provider's: a refund, a dispute; of a sum, the payment itself
    payment TEXT NOT NULL,             -- the payment intent
    kind TEXT NOT NULL CHECK (kind IN ('refund', 'dispute', 'sum')),
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
    currency TEXT NOT NULL,
    standing INTEGER NOT NULL CHECK (standing >= 0),   -- only grows, so that any order of reports ends the same
    reported_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX reversals_payment ON reversals (payment);

-- Units of a purchase that refunds and disputes took back,
ALTER TABLE lots ADD COLUMN reversed_units INTEGER NOT NULL DEFAULT 0 CHECK (reversed_units >= 0);
-- how many of them were still in the lot,
ALTER TABLE lots ADD COLUMN reversed_lot_units INTEGER NOT NULL DEFAULT 0 CHECK (reversed_lot_units >= 0);
-- and units that this lot brought and that paid a debt at once.
ALTER TABLE lots ADD COLUMN debt_paid_units INTEGER NOT NULL DEFAULT 0 CHECK (debt_paid_units >= 0);
