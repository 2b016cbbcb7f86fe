package upsert

import (
	"context"
	"iter"
)

// collector gathers the rows of a sequence into parts of n.
type collector[T any] struct {
	table *table
	n     int
	free  chan []T // buffers of parts that are done
}

// recycle takes back the buffer of a part that is done.
func (c *collector[T]) recycle(part []T) {
	clear(part)
	select {
	case c.free <- part[:0]:
	default:
	}
}

func (c *collector[T]) room() []T {
	select {
	case part := <-c.free:
		return part
	default:
		return nil
	}
}

// collect hands each part to put, with the index of the part's first row. The part belongs to put until it is recycled.
func (c *collector[T]) collect(ctx context.Context, rows iter.Seq2[T, error], put func(part []T, first int) error) error {
	part, first := c.room(), 0
	for row, err := range rows {
		if err != nil {
			return &RowError{Table: c.table.name, Row: first + len(part), Err: err, input: true}
		}
		if err := ctx.Err(); err != nil {
			return &RowError{Table: c.table.name, Row: first + len(part), Err: err}
		}
		if part = append(part, row); len(part) == c.n {
			if err := put(part, first); err != nil {
				return err
			}
			first += len(part)
			part = c.room()
		}
	}
	if err := ctx.Err(); err != nil || len(part) == 0 {
		return err
	}
	return put(part, first)
}
