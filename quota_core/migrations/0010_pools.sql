-- Reason: a server's quota may be for its members too; whether, in which order and how much is set by its admins.

CREATE TABLE pools (
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    pays_first INTEGER NOT NULL CHECK (pays_first IN (0, 1))
) STRICT;

CREATE TABLE pool_caps (               -- how much one member may draw, by role; role 0 is everyone
    account INTEGER NOT NULL REFERENCES pools (account),
    role INTEGER NOT NULL CHECK (role >= 0),
    period TEXT NOT NULL CHECK (period IN ('day', 'week', 'month')),
    units INTEGER NOT NULL CHECK (units >= 0),
    PRIMARY KEY (account, role, period)
) STRICT, WITHOUT ROWID;
