package httpkeys

import (
	"net/http"
	"sync"
)

// mostRoutes bounds how many routes are remembered.
const mostRoutes = 1000

// routes are the routes whose handlers have been logged.
type routes struct {
	mu   sync.Mutex
	seen map[string]bool
}

// isNew reports whether the route has not been seen.
func (r *routes) isNew(route string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[route] || len(r.seen) >= mostRoutes {
		return false
	}
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	r.seen[route] = true
	return true
}

// noticeUnusedTx tells the hook and the log about a handler that has not asked for its transaction.
func (m *Middleware) noticeUnusedTx(a *attempt) {
	if a.handling.held != nil || a.handling.asked.Load() || !m.config.answers.commits(a.writer.status) {
		return
	}
	m.config.unusedTx(a.request)
	if route := routeOf(a.request); m.routes.isNew(route) {
		m.config.logger.WarnContext(a.request.Context(), "httpkeys: a handler has not asked for its Tx, so its effect is not committed together with its response", "route", route)
	}
}

// routeOf returns the pattern of the request's route, or its path if nothing has set a pattern.
func routeOf(r *http.Request) string {
	if r.Pattern != "" {
		return r.Pattern
	}
	return r.Method + " " + r.URL.Path
}
