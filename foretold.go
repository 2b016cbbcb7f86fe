package upsert

import (
	"context"

	"github.com/goupsert/upsert/dialect"
)

// putForetold tries to insert the row, to change the stored one and to find that there is nothing to do, until one of them
// applies. If none does, another connection has changed or deleted the row between two of them, or a trigger keeps it out.
//
// The insert comes first whatever the Put before it did. An upsert is an insert that meets NOT NULL, CHECK, triggers, other
// unique keys and the predicate of a partial index before it meets the conflict: a change that came first would meet none of
// these (hazard S20). The insert has also taken the write lock of the caller's transaction, in which a read that came first
// could make the write fail (hazard S11).
func (s *single) putForetold(ctx context.Context, db DB) (gone error) {
	tries := [...]work[*single]{(*single).insert, (*single).change, (*single).lookForetold}
	if last := Outcome(s.last.Load()); last == Unchanged || last == Stale { // rows that come in runs are alike
		tries[1], tries[2] = tries[2], tries[1]
	}
	for _, try := range tries {
		s.outcome = Unknown
		err := alone(ctx, s.table, db, s, try)
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

// remember keeps what the row was for the next one.
func (s *single) remember(err error) {
	if now := int32(s.outcome); err == nil && s.last.Load() != now {
		s.last.Store(now)
	}
}

func (s *single) insert(ctx context.Context, db DB) error {
	created, err := s.send(ctx, db, dialect.Create, false)
	if created {
		s.outcome = Inserted
	}
	return err
}

func (s *single) change(ctx context.Context, db DB) error {
	if !s.assigns && !s.guards(s.catalog.Load()) {
		return nil
	}
	changed, err := s.send(ctx, db, dialect.Change, false)
	if changed {
		s.outcome = Updated
	}
	return err
}

// lookForetold finds the row that was neither inserted nor changed.
func (s *single) lookForetold(ctx context.Context, db DB) error {
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
