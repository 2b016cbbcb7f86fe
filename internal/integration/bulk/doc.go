// Package bulk tests the paths of batches (arrays, COPY, LOAD DATA) on every engine that has these paths.
package bulk
