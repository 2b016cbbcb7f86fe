package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/faults"
	"github.com/goupsert/upsert/internal/lab"
)

// kept is a row whose stored value stays.
type kept struct {
	K int `upsert:"key"`
	V int `upsert:"keep"`
}

// attempts makes the first attempt of a call fail after the attempt has read what is stored.
type attempts struct {
	*lab.Lab
	armed  bool
	reads  int // queries of an attempt that read what is stored
	read   int // so far
	failed int
	sent   []kept
	rows   []kept // the caller's
}

// fail is a hook that replaces the answer of the last of these queries, all of whose rows have been read.
func (a *attempts) fail(p *faults.Point) error {
	isRead := p.Kind == faults.Query && strings.Contains(p.Text, "SELECT") && strings.Contains(p.Text, "things") && !strings.Contains(p.Text, "INSERT")
	if !a.armed || p.Moment == faults.Before || !isRead || p.Err != nil {
		return nil
	}
	if a.read++; a.read == a.reads {
		return lab.SerializationFailure{}
	}
	return nil
}

// between stores other values before the second attempt.
func (a *attempts) between(err error) {
	a.WantErr("the first attempt", err, lab.SerializationFailure{})
	a.Want("the caller's rows between two attempts", slices.Equal(a.rows, a.sent), true)
	a.Want("rows between two attempts", a.Text("SELECT COUNT(*) FROM things"), "0")
	for _, row := range a.sent {
		if row.K%100 == 0 {
			a.Exec(fmt.Sprintf("INSERT INTO things VALUES (%d, 77)", row.K))
		}
	}
	a.failed++
}

// TestReturningOfARetriedAttempt checks that a call with Returning whose transaction is run again fills the rows with the states of the last
// attempt, and leaves the rows as they are until then. Before the second attempt another connection stores rows, which that attempt keeps.
func TestReturningOfARetriedAttempt(t *testing.T) {
	t.Parallel()
	lab.Each(t, lab.All, func(l *lab.Lab) {
		l.Exec("CREATE TABLE things (k INT NOT NULL PRIMARY KEY, v INT NOT NULL)")
		for verb, size := range map[string]struct{ rows, reads int }{"Put": {1, 1}, "Prepared.Put": {1, 1}, "PutAll": {1001, 2}} { // more rows than one query reads
			if verb == "Prepared.Put" && l.Family() == "postgres" {
				continue // the hook's driver hides a pooler, so Prepare is refused
			}
			a := &attempts{Lab: l, reads: size.reads}
			for k := range size.rows {
				a.sent = append(a.sent, kept{k, 1})
			}
			a.rows = slices.Clone(a.sent)
			db := faults.Open(l, l.NS, a.fail)
			table := lab.Table[kept](l, "things", upsert.OnRetry(a.between))
			lab.Put(l, table, upsert.DB(db), kept{-1, 1}) // asks what must be known of the table
			l.Exec("DELETE FROM things")
			a.armed = true
			var err error
			switch verb {
			case "Put":
				_, err = table.Put(l.Context(), db, &a.rows[0], upsert.Returning())
			case "Prepared.Put":
				_, err = lab.Prepare(l, table, upsert.DB(db)).Put(l.Context(), &a.rows[0], upsert.Returning())
			default:
				_, err = table.PutAll(l.Context(), db, a.rows, upsert.Returning(), upsert.Via(upsert.Values))
			}
			l.Want(verb, err, nil)
			l.Want(verb+": attempts that failed", a.failed, 1)
			for k, row := range a.rows {
				if want := (kept{k, map[bool]int{true: 77, false: 1}[k%100 == 0]}); row != want {
					l.Fatalf("%s: a row is %v, want the state of the last attempt, %v", verb, row, want)
				}
			}
		}
	})
}
