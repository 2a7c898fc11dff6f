-- Reason: how long a payment that was reported has waited for its credit is asked often, and the answer is nearly
-- always that none waits.

CREATE INDEX deliveries_waiting ON deliveries (received_ms) WHERE handled_ms IS NULL;
