// Package hazards shows that the hazards of docs/hazards.md are real and that package upsert is safe from them. Package bulk
// tests the hazards that affect only batches. Package keys tests the hazards of idempotency keys.
package hazards
