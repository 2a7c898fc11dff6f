-- Reason: the first schema. Lots, payers, holds and debt are here from the start, so that screens that
-- come later need no rewriting of history. Times are UTC milliseconds, money is minor units.

CREATE TABLE metrics (                 -- names once, small numbers in every row that is written often
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,            -- all that the ledger knows of a person: erasing the rest keeps the chain
    kind TEXT NOT NULL CHECK (kind IN ('user', 'guild', 'external')),
    external_id TEXT NOT NULL CHECK (length(external_id) BETWEEN 1 AND 200),
    parent INTEGER REFERENCES accounts (id),
    plan TEXT,                         -- NULL: the catalog's default plan
    plan_until_ms INTEGER,
    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'blocked')),
    locale TEXT,
    dm_channel_id TEXT,
    created_ms INTEGER NOT NULL,
    UNIQUE (kind, external_id)
) STRICT;

CREATE TABLE balances (                -- what every entry changes, in one narrow row an account: the hot table
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    version INTEGER NOT NULL CHECK (version >= 0),   -- of the last entry
    head INTEGER NOT NULL,             -- the id of the last entry, 0 before the first
    digest BLOB NOT NULL CHECK (length(digest) = 16),
    active_ms INTEGER NOT NULL,        -- when the last entry was made
    windows TEXT NOT NULL              -- what the open windows have used: requests/2026-11-20=3
) STRICT;

CREATE TABLE payers (                  -- who pays for an account beside itself, in order
    account INTEGER NOT NULL REFERENCES accounts (id),
    position INTEGER NOT NULL CHECK (position >= 0),
    payer INTEGER NOT NULL REFERENCES accounts (id),
    cap_units INTEGER CHECK (cap_units >= 0),
    PRIMARY KEY (account, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE allowances (              -- windows that have closed: nothing is ever reset
    account INTEGER NOT NULL,
    metric INTEGER NOT NULL,
    period TEXT NOT NULL,
    used INTEGER NOT NULL CHECK (used >= 0),
    overage INTEGER NOT NULL DEFAULT 0 CHECK (overage >= 0 AND overage <= used),
    PRIMARY KEY (account, metric, period)
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
    id TEXT PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),   -- who receives
    buyer INTEGER NOT NULL REFERENCES accounts (id),     -- who pays
    rail TEXT NOT NULL CHECK (rail IN ('stripe')),
    reference TEXT,                    -- the rail's own id of the payment: a Checkout Session
    package TEXT NOT NULL,
    metric INTEGER NOT NULL REFERENCES metrics (id),
    units INTEGER NOT NULL CHECK (units > 0),
    price_minor INTEGER NOT NULL CHECK (price_minor > 0),
    tax_minor INTEGER NOT NULL DEFAULT 0 CHECK (tax_minor >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    expires TEXT NOT NULL CHECK (expires IN ('never', 'period')),
    state TEXT NOT NULL CHECK (state IN ('open', 'expired', 'failed', 'pending', 'paid')),
    attempt INTEGER NOT NULL DEFAULT 1 CHECK (attempt > 0),
    parameters TEXT NOT NULL,          -- of the call that opens the payment page, so that it can be repeated to the letter
    url TEXT,
    token TEXT NOT NULL UNIQUE,        -- names the order in our own /pay/ link
    locale TEXT NOT NULL,
    payment TEXT,                      -- the rail's id that later refunds and disputes name: a payment intent
    receipt_url TEXT,
    entry INTEGER UNIQUE,              -- the entry that credited it
    opened_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    paid_ms INTEGER,
    after_entry INTEGER NOT NULL DEFAULT 0,  -- the last entry when it became pending or failed: its place in history
    UNIQUE (rail, reference),
    CHECK ((state = 'paid') = (entry IS NOT NULL)),
    CHECK (state <> 'paid' OR (paid_ms IS NOT NULL AND reference IS NOT NULL))
) STRICT;
CREATE INDEX orders_account ON orders (account, opened_ms);
CREATE INDEX orders_payment ON orders (payment) WHERE payment IS NOT NULL;

CREATE TABLE lots (                    -- what one grant or purchase brought
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    metric INTEGER NOT NULL REFERENCES metrics (id),
    source TEXT NOT NULL CHECK (source IN ('grant', 'purchase')),
    order_id TEXT UNIQUE REFERENCES orders (id),
    units INTEGER NOT NULL CHECK (units > 0),
    left_units INTEGER NOT NULL CHECK (left_units >= 0),
    taken_units INTEGER NOT NULL DEFAULT 0 CHECK (taken_units >= 0),      -- taken back, not spent
    expired_units INTEGER NOT NULL DEFAULT 0 CHECK (expired_units >= 0),
    expires_ms INTEGER,
    frozen INTEGER NOT NULL DEFAULT 0 CHECK (frozen IN (0, 1)),
    created_ms INTEGER NOT NULL,
    CHECK (left_units + taken_units + expired_units <= units),
    CHECK ((source = 'purchase') = (order_id IS NOT NULL))
) STRICT;
CREATE INDEX lots_account ON lots (account);

CREATE TABLE debts (                   -- units of a purchase that was taken back after they were spent
    account INTEGER NOT NULL REFERENCES accounts (id),
    metric INTEGER NOT NULL REFERENCES metrics (id),
    units INTEGER NOT NULL CHECK (units >= 0),
    PRIMARY KEY (account, metric)
) STRICT, WITHOUT ROWID;

CREATE TABLE holds (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    metric INTEGER NOT NULL REFERENCES metrics (id),
    key BLOB NOT NULL CHECK (length(key) = 16),
    units INTEGER NOT NULL CHECK (units > 0),
    settled_units INTEGER CHECK (settled_units BETWEEN 0 AND units),
    state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'released', 'expired')),
    entry INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    UNIQUE (account, key)
) STRICT;

CREATE TABLE entries (                 -- append-only, in the order of their ids; chained by account
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    prev INTEGER NOT NULL CHECK (prev < id),
    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 20),
    metric INTEGER NOT NULL,
    units INTEGER NOT NULL CHECK (units >= 0),
    parts TEXT NOT NULL,               -- which pots changed by how much: 2026-11-20=3 #12=-4
    at_ms INTEGER NOT NULL,
    key BLOB NOT NULL CHECK (length(key) = 16),
    allowance_left INTEGER,            -- NULL: unlimited
    purchased_left INTEGER NOT NULL CHECK (purchased_left >= 0),
    digest BLOB NOT NULL CHECK (length(digest) = 16)
) STRICT;
CREATE UNIQUE INDEX entries_key ON entries (key, account);
-- History shows what is not a request (kinds above 2); requests, the mass of all entries, stay out of this index.
CREATE INDEX entries_changes ON entries (account, id) WHERE kind > 2;
CREATE TRIGGER entries_stay BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
CREATE TRIGGER entries_remain BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;

CREATE TABLE audit (                   -- who did what by hand, and why
    id INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL UNIQUE REFERENCES entries (id),
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_remains BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;

CREATE TABLE crossings (               -- a threshold crossed: once a window, by the primary key
    account INTEGER NOT NULL,
    metric INTEGER NOT NULL,
    period TEXT NOT NULL,
    percent INTEGER NOT NULL CHECK (percent BETWEEN 1 AND 100),
    entry INTEGER NOT NULL,
    PRIMARY KEY (account, metric, period, percent)
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (                 -- messages owed; written with what they tell, sent afterwards
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,
    about TEXT NOT NULL,               -- what it is about: an order, a delivery
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
    UNIQUE (account, kind, about)
) STRICT;
CREATE INDEX notices_owed ON notices (next_ms) WHERE state = 'owed';
CREATE INDEX notices_kept ON notices (account) WHERE state = 'kept';

CREATE TABLE deliveries (              -- what Stripe posted, as it came
    id TEXT PRIMARY KEY,               -- the event's id
    type TEXT NOT NULL,
    object_id TEXT,
    body TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT 'received',
    attempts INTEGER NOT NULL DEFAULT 1,
    received_ms INTEGER NOT NULL,
    handled_ms INTEGER
) STRICT;
CREATE INDEX deliveries_held ON deliveries (received_ms) WHERE outcome LIKE 'mismatch%';

CREATE TABLE views (                   -- each opening of the shop, so that conversion has a past
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    screen TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX views_account ON views (account);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    account TEXT,                      -- NULL: a service's key, for any account
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    revoked_ms INTEGER
) STRICT;

CREATE TABLE marks (                   -- how far a recurring check has come
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
