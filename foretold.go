package upsert

import (
	"context"

	"github.com/goupsert/upsert/dialect"
)

// putForetold asks one statement after the other, each of which is right by itself whatever their order: the row was inserted,
// or changed, or there was nothing to do. What is none of it has been changed or deleted by others in between, and it begins
// again.
func (s *single) putForetold(ctx context.Context, db DB) error {
	tries := foretellings[s.foretold(db)]
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

// foretellings are the statements in the order in which they are tried, by what the row will be.
var foretellings = map[Outcome][3]work[*single]{
	Inserted:  {(*single).insert, (*single).change, (*single).lookForetold},
	Updated:   {(*single).change, (*single).insert, (*single).lookForetold},
	Unchanged: {(*single).lookForetold, (*single).change, (*single).insert},
}

// remember keeps what the row was for the next one.
func (s *single) remember(err error) {
	if now := int32(s.outcome); err == nil && s.last.Load() != now {
		s.last.Store(now)
	}
}

// foretold is what the row will be if it is like the one before it, as rows that come in runs are: new ones, old ones, or a
// call repeated. In a transaction of the caller's nothing is read before it is written, or the write could fail at once
// (hazard S11).
func (s *single) foretold(db DB) Outcome {
	switch last := Outcome(s.last.Load()); {
	case last == Inserted || last == Unknown:
		return Inserted
	case last == Updated || !canBegin(db):
		return Updated
	}
	return Unchanged
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
