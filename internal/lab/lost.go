package lab

import (
	"github.com/goupsert/upsert/internal/faults"
	"github.com/jmoiron/sqlx"
)

// LostReplies is a connection pool behind a proxy. The proxy closes one connection instead of passing on the server's reply.
type LostReplies struct {
	*sqlx.DB
	Proxy *faults.Proxy
	came  func() bool
}

// LostReplies opens such a pool on the lab's database.
func (l *Lab) LostReplies() *LostReplies {
	l.Helper()
	proxy := faults.NewProxy(l, l.NS)
	return &LostReplies{DB: faults.OpenDSN(l, faults.DriverName(l.NS), proxy.DSN(), nil).DB, Proxy: proxy}
}

// LoseNext drops the reply to the next statement that contains the given words. The proxy closes the connection with an EOF, not
// a reset, because lib/pq does not report a reset as driver.ErrBadConn.
func (p *LostReplies) LoseNext(words string) { p.came = p.Proxy.Next(words, faults.Lose) }

// WantLost expects that the reply chosen by LoseNext was lost.
func (p *LostReplies) WantLost(l *Lab, what string) {
	l.Helper()
	if !p.came() {
		l.Fatalf("%s: no reply was lost; want the reply that LoseNext chose", what)
	}
}
