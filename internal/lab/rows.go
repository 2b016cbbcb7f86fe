package lab

import (
	"context"
	"database/sql"
	"strings"

	"github.com/goupsert/upsert"
)

func rows(ctx context.Context, db upsert.DB, query string) (string, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var all []string
	for rows.Next() {
		vals, dest := make([]sql.NullString, len(cols)), make([]any, len(cols))
		for i := range vals {
			dest[i] = &vals[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return "", err
		}
		parts := make([]string, len(cols))
		for i, v := range vals {
			if parts[i] = v.String; !v.Valid {
				parts[i] = "NULL"
			}
		}
		all = append(all, strings.Join(parts, "|"))
	}
	return strings.Join(all, " "), rows.Err()
}
