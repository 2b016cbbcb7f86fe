package upsert

import (
	"context"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/dbconn"
	"github.com/goupsert/upsert/internal/txn"
)

// putForetold tries an insert, a change and a comparison, until one of them applies: the comparison finds that there is nothing
// to do. If none applies, another connection has changed or deleted the row between two of them, or a trigger keeps the row out.
//
// The insert comes first, whatever the last outcome. An upsert is an insert, which meets NOT NULL, CHECK, triggers, other unique
// keys and the predicate of a partial index before the conflict. If the change came first, the change would meet none of these
// (hazard S20). The insert also takes the write lock in the caller's transaction. If a read came first there, the later write
// could fail (hazard S11).
func (s *single) putForetold(ctx context.Context, db dbconn.Handle) (gone error) {
	tries := [...]txn.Op[*single]{(*single).insert, (*single).change, (*single).lookForetold}
	if last := Outcome(s.batch.table.last.Load()); last == Unchanged || last == Stale { // neighbouring calls tend to have the same outcome
		tries[1], tries[2] = tries[2], tries[1]
	}
	for _, try := range tries {
		s.outcome = Unknown
		err := txn.Statement(ctx, s.batch.table.txn, db, s, try)
		switch {
		case isGone(err):
			gone = err
		case err != nil || s.outcome != Unknown:
			s.remember(err)
			return err
		}
	}
	return gone
}

// remember keeps the row's outcome, from which the next call chooses its order of tries.
func (s *single) remember(err error) {
	if now := int32(s.outcome); err == nil && s.batch.table.last.Load() != now {
		s.batch.table.last.Store(now)
	}
}

// insert inserts the row if no stored row has its key.
func (s *single) insert(ctx context.Context, db dbconn.Handle) error {
	created, err := s.send(ctx, db, dialect.Create, false)
	if created {
		s.outcome = Inserted
	}
	return err
}

// change changes the stored row, if the rules change a column.
func (s *single) change(ctx context.Context, db dbconn.Handle) error {
	if !s.batch.table.stmts.Assigns() && !s.batch.table.stmts.ChecksKey(s.batch.table.catalog.Kept()) {
		return nil
	}
	changed, err := s.send(ctx, db, dialect.Change, false)
	if changed {
		s.outcome = Updated
	}
	return err
}

// lookForetold compares the row with the stored row, after neither the insert nor the change applied.
func (s *single) lookForetold(ctx context.Context, db dbconn.Handle) error {
	f, err := s.compareOne(ctx, db)
	switch {
	case err != nil:
		return err
	case f == 0:
		return errGone
	case f.writes():
		return errKept
	}
	if s.outcome, err = f.outcome(Unknown); err != nil {
		return err
	}
	return s.readBack(ctx, db)
}
