package keysuite

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// watcher observes from outside which sessions wait for a lock.
type watcher struct {
	p     *place
	db    *sqlx.DB // with connections that claims do not use
	count func(w *watcher) (int, error)
	query string
}

// watch must be called before the first claim, because it briefly needs a connection.
func (p *place) watch() *watcher {
	p.Helper()
	w := &watcher{p: p}
	if p.sqlite() {
		return w
	}
	w.db = p.server.Open(p.T)
	if p.postgres() {
		w.count = (*watcher).postgres
		w.query = fmt.Sprintf("SELECT COUNT(DISTINCT w.pid) FROM pg_locks w JOIN pg_locks r ON r.pid = w.pid WHERE NOT w.granted AND r.relation = %d",
			get[int64](p, "SELECT 'idempotency_keys'::regclass::oid::bigint"))
		return w
	}
	w.count = (*watcher).innodb
	w.query = "SELECT id FROM information_schema.processlist WHERE db = '" + get[string](p, "SELECT DATABASE()") + "'"
	return w
}

// until returns when n claims wait. SQLite does not report which connection waits, so a test must work if the claims wait and
// also if they are about to wait.
func (w *watcher) until(n int) {
	w.p.Helper()
	if w.db == nil {
		return
	}
	for end := time.Now().Add(timeout / 2); ; {
		waiting, err := w.count(w)
		if err == nil && waiting >= n {
			return
		}
		if err != nil || time.Now().After(end) {
			w.p.Errorf("%d wait, %v; want %d", waiting, err, n)
			return
		}
	}
}

func (w *watcher) postgres() (n int, err error) {
	err = w.db.GetContext(w.p.ctx, &n, w.query)
	return n, err
}

// innodb reads the InnoDB status. The table innodb_trx is up to date only if it has not been read for a tenth of a second.
func (w *watcher) innodb() (n int, err error) {
	var ids []string
	if err := w.db.SelectContext(w.p.ctx, &ids, w.query); err != nil {
		return 0, err
	}
	var kind, name, status string
	if err := w.db.QueryRowContext(w.p.ctx, "SHOW ENGINE INNODB STATUS").Scan(&kind, &name, &status); err != nil {
		return 0, err
	}
	thread := regexp.MustCompile(`(?:MariaDB|MySQL) thread id (\d+)`)
	ours := map[string]bool{}
	for _, id := range ids {
		ours[id] = true
	}
	for _, trx := range strings.Split(status, "---TRANSACTION ") {
		if id := thread.FindStringSubmatch(trx); id != nil && ours[id[1]] && strings.Contains(trx, "LOCK WAIT") {
			n++
		}
	}
	return n, nil
}
