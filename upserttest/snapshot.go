package upserttest

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// cell is a stored value. Two cells are equal if the database stores the same value with the same type.
type cell struct {
	text  string
	kind  string // "" for NULL
	label string // the label of a generated id, see [GeneratedID]; "" for other values
}

// snapshot is what a database holds: its tables in the order of their names.
type snapshot []*table

// find returns the table that is the same as o in this state of the database, or nil.
func (s snapshot) find(o *table) *table {
	for _, t := range s {
		if t.name == o.name && t.isFake == o.isFake {
			return t
		}
	}
	return nil
}

// snapshot reads every table that the options name, or all.
func (w *world) snapshot(o *options) (snapshot, error) {
	ctx, cancel := context.WithTimeout(context.Background(), serverLimit)
	defer cancel()
	conn, err := w.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // gives it back; one that is dead has failed before
	tables, err := w.engine.tables(ctx, conn)
	if err != nil {
		return nil, err
	}
	var all snapshot
	var names []string
	for _, t := range tables {
		names = append(names, t.name)
		if !o.reads(t.name) {
			continue
		}
		if err := t.read(ctx, conn); err != nil {
			return nil, fmt.Errorf("table %s: %w", t.name, err)
		}
		if o.quiet {
			if t.version, err = w.engine.versions(ctx, conn, t); err != nil {
				return nil, fmt.Errorf("table %s: %w", t.name, err)
			}
		}
		all = append(all, t)
	}
	if o.effects != nil {
		names = append(names, "effects")
		all = append(all, o.effects.table())
	}
	all.label(o)
	return all, o.check(names, all)
}

func (t *table) read(ctx context.Context, db asker) error {
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+t.from)
	if err != nil {
		return err
	}
	defer rows.Close()
	if t.columns, err = rows.Columns(); err != nil {
		return err
	}
	for rows.Next() {
		values := make([]any, len(t.columns))
		to := make([]any, len(values))
		for i := range values {
			to[i] = &values[i]
		}
		if err := rows.Scan(to...); err != nil {
			return err
		}
		row := make([]cell, len(values))
		for i, v := range values {
			row[i] = cellOf(v)
		}
		t.rows = append(t.rows, row)
	}
	slices.SortFunc(t.rows, compareRows)
	return rows.Err()
}

// compareRows puts numbers in the order of their values, in which a person looks for them.
func compareRows(a, b []cell) int {
	for i := range a {
		if c := a[i].compare(b[i]); c != 0 {
			return c
		}
	}
	return 0
}

func (c cell) compare(o cell) int {
	x, errX := strconv.ParseFloat(c.text, 64)
	y, errY := strconv.ParseFloat(o.text, 64)
	if errX == nil && errY == nil && x != y {
		if x < y {
			return -1
		}
		return 1
	}
	if d := strings.Compare(c.text, o.text); d != 0 {
		return d
	}
	return strings.Compare(c.kind, o.kind)
}

func cellOf(v any) cell {
	switch v := v.(type) {
	case nil:
		return cell{text: "NULL"}
	case []byte:
		return textCell(string(v), "bytes")
	case sql.RawBytes:
		return textCell(string(v), "bytes")
	case string:
		return textCell(v, "text")
	case time.Time:
		return cell{text: v.UTC().Format(time.RFC3339Nano), kind: "time"}
	case float64:
		return cell{text: strconv.FormatFloat(v, 'g', -1, 64), kind: "real"}
	case int64:
		return cell{text: strconv.FormatInt(v, 10), kind: "integer"}
	}
	return cell{text: fmt.Sprint(v), kind: fmt.Sprintf("%T", v)}
}

func textCell(text, kind string) cell {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return cell{text: "x'" + hex.EncodeToString([]byte(text)) + "'", kind: kind}
	}
	return cell{text: text, kind: kind}
}

// same reports whether two cells are the same but for a generated id's own value.
func (c cell) same(o cell) bool {
	if c.label != "" || o.label != "" {
		return c.label == o.label
	}
	return c == o
}

// identity is a text that two rows share if and only if all their compared cells are the same.
func identity(row []cell, ignored []bool) string {
	var b strings.Builder
	for i, c := range row {
		switch {
		case ignored[i]:
		case c.label != "":
			fmt.Fprintf(&b, "#%s|", c.label)
		default:
			fmt.Fprintf(&b, "%s:%q|", c.kind, c.text)
		}
	}
	return b.String()
}
