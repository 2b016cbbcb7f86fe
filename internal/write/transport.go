package write

// A transport is one path of a batch's rows to the server.
type transport interface {
	// send sends the next of the rows that are left, and returns how many rows it sent.
	send(w *writer, left []int32) (taken int, err error)
}

// A bundler is a transport that puts rows into a statement.
type bundler interface {
	transport
	// next makes the next statement from the rows that are left, and returns how many rows it took. room is a buffer for the
	// arguments.
	next(b *batch, p plan, left []int32, room []any) (s batchStatement, taken int, err error)
	// maxRows returns how many rows of a batch one statement can have, or 0 if the batch needs several.
	maxRows(b *batch) int
}

// transportOf returns the transport of a path.
func transportOf(p Path) transport {
	switch p {
	case Copy:
		return stagingTransport{}
	case Arrays:
		return arraysTransport{}
	}
	return valuesTransport{}
}

// sendNext makes the next statement and sends it.
func sendNext(w *writer, by bundler, left []int32) (taken int, err error) {
	s, taken, err := w.batch.next(by, w.plan, left, w.session.buffer())
	if err != nil {
		return 0, err
	}
	s.more = taken == w.table.stmts.RowsMax() && len(left) >= 2*taken
	return taken, w.session.pipe.Submit(func() (int, error) {
		err := w.send(s)
		if err == nil {
			w.session.release(s.args)
		}
		return taken, w.failStatement(s, err)
	})
}

// next is the bundler's next, unless the batch has its only statement already.
func (b *batch) next(by bundler, p plan, left []int32, room []any) (s batchStatement, taken int, err error) {
	if b.bound != nil {
		return *b.bound, len(b.bound.rows), nil
	}
	return by.next(b, p, left, room)
}

// bindOnly reports whether the batch is a single statement, which needs no transaction around it, and keeps this statement in
// b.bound. A batch with Progress always gets a transaction, because the write must be rolled back if Progress panics. So does a
// batch that reads rows back, because the rows are read after the write.
func (b *batch) bindOnly(p plan, o *Options) (bool, error) {
	by, ok := transportOf(p.path).(bundler)
	if !ok || o.Outcomes || o.Progress != nil || o.Stored != nil || len(b.passes) > 1 || b.sent.rows.n > by.maxRows(b) {
		return false, nil
	}
	s, taken, err := by.next(b, p, b.passes[0], nil)
	if err != nil || taken < b.sent.rows.n {
		return false, err
	}
	b.bound = &s
	return true, nil
}
