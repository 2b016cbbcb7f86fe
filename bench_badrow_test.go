package upsert_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
)

const checkedAccountsDDL = `CREATE TABLE accounts (id BIGINT NOT NULL PRIMARY KEY, email VARCHAR(100) NOT NULL, name VARCHAR(100) NOT NULL,
balance BIGINT NOT NULL CHECK (balance >= 0), score DOUBLE PRECISION NOT NULL, active BOOLEAN NOT NULL, updated_at TIMESTAMP NOT NULL, payload VARCHAR(200) NOT NULL)`

// BenchmarkBadRow measures a batch with one bad row, which the error names, against the same batch without a bad row.
func BenchmarkBadRow(b *testing.B) {
	const rows = 10_000
	for _, e := range []string{"sqlite", "postgres", "postgres18", "mariadb"} {
		paths := []upsert.Path{upsert.Auto}
		if e == "postgres" || e == "postgres18" {
			paths = []upsert.Path{upsert.Values, upsert.Arrays, upsert.Copy}
		}
		for _, via := range paths {
			for _, bad := range []int{0, rows / 3, rows - 1} {
				b.Run(fmt.Sprintf("%s/%s/row-%d", e, via, bad), func(b *testing.B) { benchBadRow(b, engine.Get(e), via, lab.NewAccounts(rows, lab.Payload), bad) })
			}
		}
	}
}

func benchBadRow(b *testing.B, e *engine.Engine, via upsert.Path, rows []lab.Account, bad int) {
	b.Helper()
	db, ctx := e.Open(b), context.Background()
	db.MustExec(checkedAccountsDDL)
	d, err := dialect.Detect(ctx, db)
	if err != nil {
		b.Fatal(err)
	}
	tab, err := upsert.New[lab.Account](d, "accounts", upsert.Via(via))
	if err != nil {
		b.Fatal(err)
	}
	put := func(balance int64, isGood bool) time.Duration {
		db.MustExec("DELETE FROM accounts")
		rows[bad].Balance = balance
		began := time.Now()
		if _, err := tab.PutAll(ctx, db, rows); (err == nil) != isGood {
			b.Fatalf("PutAll with a balance of %d: %v", balance, err)
		}
		return time.Since(began)
	}
	var good, named []time.Duration
	put(1, true)
	for n := 0; n < 5 || n < b.N; n++ {
		good = append(good, put(1, true))
		named = append(named, put(-1, false))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(good)/1e6, "good-ms")
	b.ReportMetric(median(named)/median(good), "x-good")
}
