-- Reason: who asks to be forgotten is, with the ledger kept whole: the name goes, what it put under the chain stays.

ALTER TABLE accounts ADD COLUMN beginning BLOB;   -- of an erased account: the digest before its first entry

CREATE TABLE erasures (                -- who asked to be forgotten, and when it will be done
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    asked_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX erasures_due ON erasures (due_ms);
