-- Reason: a change of plan may wait for the end of a period, and what is left of a window rolls over from no window
-- before the plan began.

ALTER TABLE accounts ADD COLUMN plan_since_ms INTEGER;   -- NULL: since the account is
ALTER TABLE accounts ADD COLUMN next_plan TEXT;          -- what follows when the plan ends; NULL: the default plan
ALTER TABLE accounts ADD COLUMN next_until_ms INTEGER;   -- until when it does; NULL: for good

UPDATE accounts SET plan_since_ms =
    (SELECT max(e.at_ms) FROM entries e WHERE e.account = accounts.id AND e.kind = 7 AND e.id =
        (SELECT max(l.id) FROM entries l WHERE l.account = accounts.id AND l.kind = 7))
WHERE plan IS NOT NULL;
