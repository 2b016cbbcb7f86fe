// Package hazards shows that the hazards of docs/hazards.md are real and that package upsert is safe from them. The tests of the
// hazards that only batches meet are in package bulk, and those of idempotency keys are in package keys.
package hazards
