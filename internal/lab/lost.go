package lab

import (
	"github.com/goupsert/upsert/internal/faults"
	"github.com/jmoiron/sqlx"
)

// LostReplies is a pool behind a proxy that ends a connection, once, in place of an answer.
type LostReplies struct {
	*sqlx.DB
	Proxy *faults.Proxy
	came  func() bool
}

// LostReplies opens one on the lab's database.
func (l *Lab) LostReplies() *LostReplies {
	l.Helper()
	proxy := faults.NewProxy(l, l.NS)
	return &LostReplies{DB: faults.OpenDSN(l, faults.DriverName(l.NS), proxy.DSN(), nil).DB, Proxy: proxy}
}

// LoseNext loses the answer to the next statement that has these words. The end is an EOF, not a reset: a reset is no
// driver.ErrBadConn to lib/pq.
func (p *LostReplies) LoseNext(words string) { p.came = p.Proxy.Next(words, faults.Lose) }

// WantLost wants the answer that LoseNext was about to have been lost.
func (p *LostReplies) WantLost(l *Lab, what string) {
	l.Helper()
	if !p.came() {
		l.Fatalf("%s: no answer was lost; want the one that was armed", what)
	}
}
