-- Reason: use by day and service is asked for again and again; the entries are added up once, behind a mark.

CREATE TABLE usage_days (              -- added up from the entries up to the mark `usage_entry`, in their order
    account INTEGER NOT NULL,
    day TEXT NOT NULL,                 -- 2026-11-20, in the catalog's time zone
    metric INTEGER NOT NULL,
    service TEXT NOT NULL,             -- '' for what was used without one
    units INTEGER NOT NULL,            -- net: what came back counts on the day on which it did
    paid INTEGER NOT NULL,             -- of these, from its own pots: over all accounts this counts each unit once
    overage INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (account, day, metric, service)
) STRICT, WITHOUT ROWID;
