// Package bulk tests the paths by which batches reach a database (arrays, COPY, LOAD DATA) on every engine that has them.
package bulk
