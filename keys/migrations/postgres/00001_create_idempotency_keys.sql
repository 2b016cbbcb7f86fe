-- +goose Up
-- The fill factor leaves room for a row's second version on its page, so that finishing a key writes no index entry.
CREATE TABLE IF NOT EXISTS idempotency_keys (
  key_hash bytea NOT NULL PRIMARY KEY CHECK (octet_length(key_hash) = 32),
  scope text NOT NULL,
  op text NOT NULL,
  id text NOT NULL,
  state smallint NOT NULL,
  fingerprint_version smallint NOT NULL,
  fingerprint bytea NULL,
  result bytea NULL,
  codec text NOT NULL,
  attempts integer NOT NULL,
  fence bigint NOT NULL,
  owner bytea NOT NULL,
  lease_until timestamptz NOT NULL,
  claimed_at timestamptz NOT NULL,
  finished_at timestamptz NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 80);

-- +goose Down
DROP TABLE IF EXISTS idempotency_keys;
