-- +goose Up
CREATE TABLE IF NOT EXISTS idempotency_keys (
  key_hash BLOB NOT NULL PRIMARY KEY CHECK (typeof(key_hash) = 'blob' AND length(key_hash) = 32),
  scope TEXT NOT NULL,
  op TEXT NOT NULL,
  id TEXT NOT NULL,
  state INTEGER NOT NULL,
  fingerprint_version INTEGER NOT NULL,
  fingerprint BLOB NULL,
  result BLOB NULL,
  codec TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  owner BLOB NOT NULL,
  lease_until TEXT NOT NULL,
  claimed_at TEXT NOT NULL,
  finished_at TEXT NULL,
  expires_at TEXT NOT NULL
);

-- +goose Down
DROP TABLE IF EXISTS idempotency_keys;
