-- Reason: of several processes on one database, one at a time may do what must not be done twice at once.

CREATE TABLE leases (
    name TEXT PRIMARY KEY,             -- of the work: gateway, gateway 0-3/8
    holder TEXT NOT NULL,              -- the process, for people to read
    fence INTEGER NOT NULL CHECK (fence > 0),   -- grows with each new holder, so that an older one can be told apart
    until_ms INTEGER NOT NULL          -- by the clock of the database
) STRICT, WITHOUT ROWID;
