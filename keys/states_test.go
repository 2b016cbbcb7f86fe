package keys_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
	"github.com/goupsert/upsert/internal/lab"
)

// stateLab plays each verb on a row in each state.
type stateLab struct {
	lab  *hazardLab
	q    *claimsql.SQL
	row  claimsql.Row
	mark claimsql.Mark
}

// TestStates checks that the statements change a row as the table of transitions says, and in no other way.
func TestStates(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		q, err := claimsql.New(l.lab.D, dialect.Table{Name: "idempotency_keys"})
		if err != nil {
			l.lab.Fatal(err)
		}
		s := &stateLab{lab: l, q: q, row: claimsql.Row{Scope: "s", Op: "o", ID: "i", Retain: time.Hour}, mark: claimsql.Mark{ID: "i"}}
		s.row.Hash[0], s.mark.Hash[0], s.row.Owner[0] = 7, 7, 7
		var want []string
		for _, x := range claimsql.Transitions() {
			want = append(want, fmt.Sprint(x.Verb, " ", x.From, "→", x.To))
		}
		slices.Sort(want)
		l.lab.Want("the transitions", strings.Join(s.transitions(), "\n"), strings.Join(want, "\n"))
	})
}

// transitions plays all verbs on all states and returns the changes.
func (s *stateLab) transitions() (found []string) {
	s.lab.lab.Helper()
	for verb, variants := range s.verbs() {
		for _, play := range variants {
			for from := range claimsql.Free + 1 {
				s.put(from)
				before := s.stored()
				play()
				after := s.stored()
				if after != before {
					to, _, _ := strings.Cut(after+"|", "|")
					if to == "" {
						to = fmt.Sprint(claimsql.Absent)
					}
					found = append(found, fmt.Sprint(verb, " ", from, "→", to))
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func (s *stateLab) send(st claimsql.Statement) {
	s.lab.lab.Helper()
	if _, err := s.lab.lab.DB.ExecContext(s.lab.lab.Context(), st.Text, st.Args...); err != nil {
		s.lab.lab.Fatalf("%s: %v", st.Text, err)
	}
}

// verbs returns all verbs that write, in all variants that can lead to different states.
func (s *stateLab) verbs() map[string][]func() {
	q, marks, owner := s.q, []claimsql.Mark{s.mark}, [claimsql.OwnerSize]byte{9}
	sends := func(st claimsql.Statement) func() { return func() { s.send(st) } }
	leased := s.row
	leased.Lease = time.Hour
	from := func(state int, part claimsql.LeasePart) claimsql.Expected {
		return claimsql.Expected{Hash: s.row.Hash, State: state, Fence: 1, Lease: part}
	}
	finish := func(from claimsql.Expected, to int) func() {
		return sends(q.Finish(from, s.row.Owner, to, nil, "", time.Hour))
	}
	fail := func(most int) func() { return sends(s.fail("bbbbbbbbbbbbbbbb", most)) }
	return map[string][]func(){
		"Claim":  {sends(q.Claim(s.row, ""))},
		"Record": {sends(q.Record(s.row.Hash, s.row.Owner, claimsql.Done, nil, "")), sends(q.Record(s.row.Hash, s.row.Owner, claimsql.Failed, nil, ""))},
		"Filter": {sends(q.Filter("c", owner, time.Hour, marks))},
		"Fail":   {fail(1), fail(9)},
		"Revive": {sends(q.Revive(marks))},
		"GC":     {s.collect},
		"Forget": {sends(q.Forget(s.row.Hash)), sends(q.ForgetAll(marks))},
		"Lease":  {sends(q.Claim(leased, ""))},
		"TakeOver": {
			sends(q.TakeOver(from(claimsql.Leased, claimsql.OutLease), leased, "")), sends(q.TakeOver(from(claimsql.Leased, claimsql.InLease), leased, "")),
			sends(q.TakeOver(from(claimsql.Free, claimsql.Anytime), leased, "")),
		},
		"Finish": {
			finish(from(claimsql.Leased, claimsql.OutLease), claimsql.Done), finish(from(claimsql.Leased, claimsql.OutLease), claimsql.Failed),
			finish(from(claimsql.Parked, claimsql.Anytime), claimsql.Done), finish(from(claimsql.Parked, claimsql.Anytime), claimsql.Failed),
		},
		"Park":    {sends(q.Park(from(claimsql.Leased, claimsql.OutLease), nil, "", ""))},
		"Release": {sends(q.Release(from(claimsql.Leased, claimsql.OutLease), s.row.Owner, time.Hour)), sends(q.Release(from(claimsql.Parked, claimsql.Anytime), s.row.Owner, time.Hour))},
		"Renew":   {sends(q.Renew(from(claimsql.Leased, claimsql.OutLease), time.Hour))},
		"Note":    {sends(q.Note(from(claimsql.Leased, claimsql.OutLease), []byte("{}"), "error"))},
	}
}

// collect calls GC until a row is removed. If no row is removed, it stops after several calls: if a busy machine needs long
// to lock a row, MySQL 5.7 reports the row as locked, and GC leaves the row for later.
func (s *stateLab) collect() {
	for range 20 {
		if s.lab.gc(s.lab.store) > 0 {
			return
		}
	}
}

// fail returns the statement of a failed attempt. call identifies the call.
func (s *stateLab) fail(call string, most int) claimsql.Statement {
	f := claimsql.Failure{Call: [claimsql.CallSize]byte([]byte(call)), Owner: [claimsql.OwnerSize]byte([]byte(call)), Most: most, Report: []byte("{}")}
	return s.q.Fail("c", s.mark, f)
}

// put stores one row in the given state, past its retention. For the state Absent it stores no row.
func (s *stateLab) put(state int) {
	s.lab.lab.Helper()
	s.lab.lab.Exec("DELETE FROM idempotency_keys")
	switch state {
	case claimsql.Absent:
		return
	case claimsql.Waiting, claimsql.Dead:
		s.send(s.fail("aaaaaaaaaaaaaaaa", 9))
	default:
		s.send(s.q.Claim(s.row, ""))
	}
	s.lab.lab.Exec(fmt.Sprintf("UPDATE idempotency_keys SET state = %d, lease_until = '2000-01-01 00:00:00.000', expires_at = '2000-01-01 00:00:00.000'", state))
}

// stored returns the columns that a verb may change. The state is first.
func (s *stateLab) stored() string {
	s.lab.lab.Helper()
	return s.lab.lab.Text("SELECT state, attempts FROM idempotency_keys")
}
