package httpkeys

import (
	"maps"
	"net/http"
	"strconv"
)

// replay sends a stored response.
func (x *exchange) replay(rec *record, replayed bool) {
	h := x.w.Header()
	maps.Copy(h, rec.header)
	if replayed {
		h.Set(x.m.config.answers.replayHeader, "true")
	}
	if rec.omitted {
		p := notStored
		p.status = rec.status
		x.refuse(&p)
		return
	}
	if allowsBody(rec.status) && x.r.Method != http.MethodHead {
		h.Set("Content-Length", strconv.Itoa(len(rec.body)))
	}
	x.w.WriteHeader(rec.status)
	if len(rec.body) > 0 {
		_, _ = x.w.Write(rec.body) // if the client has gone, it can ask again
	}
}
