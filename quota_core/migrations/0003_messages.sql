-- Reason: a message may go several ways, each tried, logged and owed by itself; people choose which, and may put more
-- recipients beside their direct channel. Nothing refers to a notice by its number, so the table can be made anew.

CREATE TABLE notices_by_channel (      -- messages owed; written with what they tell, sent afterwards
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,
    about TEXT NOT NULL,               -- what it is about: an order, a delivery, a threshold in a window
    channel TEXT NOT NULL DEFAULT 'dm' CHECK (channel IN ('dm', 'channel', 'email', 'slack', 'webhook')),
    target TEXT NOT NULL DEFAULT '',   -- the recipient's number; empty: the account itself
    facts TEXT NOT NULL,
    locale TEXT NOT NULL,
    nonce TEXT NOT NULL UNIQUE CHECK (length(nonce) <= 25),
    state TEXT NOT NULL DEFAULT 'owed' CHECK (state IN ('owed', 'sent', 'kept', 'shown', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_ms INTEGER NOT NULL,
    fence INTEGER NOT NULL DEFAULT 0,
    lease_until_ms INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    sent_ms INTEGER,
    failure TEXT,
    UNIQUE (account, kind, about, channel, target)
) STRICT;
INSERT INTO notices_by_channel (account, kind, about, facts, locale, nonce, state, attempts, next_ms, fence,
    lease_until_ms, created_ms, sent_ms, failure)
SELECT account, kind, about, facts, locale, nonce, state, attempts, next_ms, fence,
    lease_until_ms, created_ms, sent_ms, failure FROM notices ORDER BY id;
DROP TABLE notices;
ALTER TABLE notices_by_channel RENAME TO notices;
CREATE INDEX notices_owed ON notices (channel, next_ms) WHERE state = 'owed';
CREATE INDEX notices_kept ON notices (account) WHERE state = 'kept';
CREATE INDEX notices_target ON notices (target, id) WHERE target <> '';

ALTER TABLE crossings ADD COLUMN routed INTEGER NOT NULL DEFAULT 0;   -- 1: turned into notices
ALTER TABLE crossings ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;    -- 1: its user read it where it was crossed
UPDATE crossings SET routed = 1;
CREATE INDEX crossings_unrouted ON crossings (account) WHERE routed = 0;

CREATE TABLE recipients (              -- where messages of an account go beside its direct channel
    id INTEGER PRIMARY KEY,
    account INTEGER REFERENCES accounts (id),   -- NULL: the operators', who hear of every account
    channel TEXT NOT NULL CHECK (channel IN ('channel', 'email', 'slack', 'webhook')),
    target TEXT NOT NULL CHECK (length(target) BETWEEN 1 AND 2048),  -- an address, or a Discord channel's id
    kinds TEXT NOT NULL,               -- the kinds of events wanted, with a blank between them; empty: all
    locale TEXT NOT NULL,
    code TEXT,                         -- what proves that the address is theirs; NULL: proved, or nothing to prove
    secret TEXT,                       -- what deliveries are signed with: whsec_...
    old_secret TEXT,                   -- the one before, in use beside it until...
    old_until_ms INTEGER,
    failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),       -- tries in a row that failed...
    failing_ms INTEGER,                -- ... since when
    disabled_ms INTEGER,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX recipients_once ON recipients (coalesce(account, 0), channel, target);

CREATE TABLE preferences (             -- what people chose about messages; no row: nothing yet
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    dm TEXT NOT NULL CHECK (dm IN ('unset', 'on', 'off')),
    muted TEXT NOT NULL,               -- kinds and channels turned off, with a blank between them: billing email
    quiet_from INTEGER CHECK (quiet_from BETWEEN 0 AND 1439),        -- minutes of the day in that zone
    quiet_until INTEGER CHECK (quiet_until BETWEEN 0 AND 1439),
    zone TEXT NOT NULL
) STRICT;

CREATE TABLE consents (                -- who agreed to use paid units in a window, once for all of it
    account INTEGER NOT NULL REFERENCES accounts (id),
    metric INTEGER NOT NULL REFERENCES metrics (id),
    period TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (account, metric, period)
) STRICT, WITHOUT ROWID;
