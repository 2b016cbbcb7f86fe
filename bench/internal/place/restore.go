package place

import (
	"context"
	"fmt"
	"strings"

	"github.com/goupsert/upsert/bench/internal/row"
)

// Restore makes accounts what it is before a run of a case.
func (p *Place) Restore(ctx context.Context, c Case) error {
	if err := p.exec(ctx, p.server.truncate()); err != nil {
		return err
	}
	if from := map[Case]string{Half: "other", Replay: "ready"}[c]; from != "" {
		key := p.columns[0].Name // so that the rows lie as if they had come one after the other
		if err := p.exec(ctx, "INSERT INTO accounts SELECT * FROM "+from+" ORDER BY "+key); err != nil {
			return err
		}
	}
	return p.server.rest(ctx, p.db, c != Fresh)
}

// Check tells whether accounts has exactly the rows of ready, column by column.
func (p *Place) Check(ctx context.Context) error {
	var there, right int
	if err := p.db.QueryRowContext(ctx, "SELECT count(*) FROM accounts").Scan(&there); err != nil {
		return err
	}
	same := make([]string, len(p.columns))
	for i, c := range p.columns {
		same[i] = p.server.same("a."+c.Name, "r."+c.Name, c.Kind)
	}
	key := p.columns[0].Name
	query := fmt.Sprintf("SELECT count(*) FROM accounts a JOIN ready r ON a.%s = r.%s WHERE %s", key, key, strings.Join(same, " AND "))
	if err := p.db.QueryRowContext(ctx, query).Scan(&right); err != nil {
		return err
	}
	if there != p.rows || right != p.rows {
		return fmt.Errorf("accounts has %d rows, %d of them right, want %d", there, right, p.rows)
	}
	return nil
}

// Count tells whether accounts has n rows whose balances add up to the balances of the rows 1 to n. Count is for numbers of
// rows of which there is no copy.
func (p *Place) Count(ctx context.Context, n int) error {
	var rows, balance int64
	const query = "SELECT count(*), CAST(coalesce(sum(balance), 0) AS %s) FROM accounts WHERE payload = '%s'"
	typ := map[string]string{"mariadb": "SIGNED", "mysql": "SIGNED"}[p.Dialect()]
	if typ == "" {
		typ = "BIGINT"
	}
	if err := p.db.QueryRowContext(ctx, fmt.Sprintf(query, typ, row.Fresh)).Scan(&rows, &balance); err != nil {
		return err
	}
	if want := int64(n) * int64(n+1) / 2 * 100; rows != int64(n) || balance != want {
		return fmt.Errorf("accounts has %d rows as they are to be, with %d in all, want %d with %d", rows, balance, n, want)
	}
	return nil
}
