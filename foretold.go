package upsert

import (
	"context"

	"github.com/goupsert/upsert/dialect"
)

// putForetold asks one statement after the other, each of which is right by itself whatever their order: the row was inserted,
// or changed, or there was nothing to do. What is none of it has been changed or deleted by others in between, and it begins
// again.
func (s *single) putForetold(ctx context.Context, db DB) error {
	tries := s.foretold(db)
	for range findAttempts {
		for _, try := range tries {
			if err := alone(ctx, s.table, db, s, try); err != nil || s.outcome != Unknown {
				s.remember(err)
				return err
			}
		}
	}
	return errGone
}

// remember keeps what the row was for the next one.
func (s *single) remember(err error) {
	if now := int32(s.outcome); err == nil && s.last.Load() != now {
		s.last.Store(now)
	}
}

// foretold is the statements in the order in which they are tried: what the row will be if it is like the one before it, as rows
// that come in runs are, is asked first. In a transaction of the caller's nothing is read before it is written, or the write
// could fail at once (hazard S11).
func (s *single) foretold(db DB) [3]work[*single] {
	switch last := Outcome(s.last.Load()); {
	case last == Inserted || last == Unknown:
		return [...]work[*single]{(*single).insert, (*single).change, (*single).lookForetold}
	case last == Updated || !canBegin(db):
		return [...]work[*single]{(*single).change, (*single).insert, (*single).lookForetold}
	}
	return [...]work[*single]{(*single).lookForetold, (*single).change, (*single).insert}
}

func (s *single) insert(ctx context.Context, db DB) error {
	created, err := s.send(ctx, db, dialect.Create, false)
	if created {
		s.outcome = Inserted
	}
	return err
}

func (s *single) change(ctx context.Context, db DB) error {
	if !s.assigns && !s.guards() {
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
	if err != nil || f.writes() {
		return err
	}
	if s.outcome, err = f.outcome(Unknown); err != nil {
		return err
	}
	return s.readBack(ctx, db)
}
