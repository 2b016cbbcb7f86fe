-- +goose Up
CREATE TABLE IF NOT EXISTS idempotency_keys (
  key_hash BINARY(32) NOT NULL PRIMARY KEY,
  scope VARCHAR(1020) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  op VARCHAR(1020) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  id VARCHAR(1020) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  state SMALLINT NOT NULL,
  fingerprint_version SMALLINT NOT NULL,
  fingerprint BINARY(32) NULL,
  result LONGBLOB NULL,
  codec VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  attempts INT NOT NULL,
  fence BIGINT NOT NULL,
  owner BINARY(16) NOT NULL,
  lease_until DATETIME(6) NOT NULL,
  claimed_at DATETIME(6) NOT NULL,
  finished_at DATETIME(6) NULL,
  expires_at DATETIME(6) NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

-- +goose Down
DROP TABLE IF EXISTS idempotency_keys;
