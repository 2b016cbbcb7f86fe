package keysuite

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/goupsert/upsert/keys"
)

func deadBehaviours() []behaviour {
	return []behaviour{
		{"messages are so after their last attempt", dies},
		{"messages are listed with what failed", listed},
		{"messages are revived", revived},
		{"messages are revived by the old name", revivedByOldName},
		{"messages of others are left alone", othersDead},
		{"messages that are handled cannot become it", handledStays},
		{"messages are counted by concurrent attempts", countsConcurrently},
		{"messages with one attempt only", oneAttempt},
	}
}

// wantAttempt expects the n-th failed attempt. If last is true, it expects that the message is dead.
func wantAttempt(p *place, s *keys.Store, id string, n int, last bool) {
	p.Helper()
	got, err := s.Fail(p.ctx, "c", id, fmt.Errorf("attempt %d", n))
	if got != n || !last && err != nil {
		p.Errorf("attempt %d: Fail = %d, %v", n, got, err)
	}
	if !last {
		return
	}
	if dead := as[*keys.DeadError](p, "Fail", err); dead == nil || *dead != (keys.DeadError{Consumer: "c", ID: id, Attempts: n}) {
		p.Errorf("attempt %d: %+v", n, dead)
	}
}

func dies(p *place) {
	s := p.open(keys.MaxAttempts(3))
	for n := range 3 {
		tx := p.begin(nil)
		fresh, err := keys.Filter(p.ctx, s, tx, "c", []string{"good", "bad"}, same)
		wantList(p, fmt.Sprint("before attempt ", n+1), fresh, err, "good", "bad")
		_ = tx.Rollback()
		wantAttempt(p, s, "bad", n+1, n == 2)
		state := keys.StateWaiting
		if n == 2 {
			state = keys.StateDead
		}
		if info, err := s.InspectMessage(p.ctx, "c", "bad"); err != nil || info.State != state || info.Attempts != n+1 {
			p.Errorf("InspectMessage = %+v, %v; want %v after %d attempts", info, err, state, n+1)
		}
	}
	wantAttempt(p, s, "bad", 3, true) // another failure changes nothing
	fresh, err := p.filter(s, "c", "good", "bad")
	wantList(p, "after its death", fresh, err, "good")
}

func listed(p *place) {
	s, before := p.open(keys.MaxAttempts(2)), p.now()
	ids := []string{"z", "a'\\\x00\xffé", "m"}
	payload := append(bytes.Repeat([]byte{0, 0xff, '\''}, 1000), 'x')
	for _, id := range ids {
		_, _ = s.Fail(p.ctx, "c", id, errors.New("first"), keys.Payload([]byte("old")))
	}
	for _, id := range ids {
		_, _ = s.Fail(p.ctx, "c", id, errors.New("it's \x00 "+id), keys.Payload(payload))
	}
	_, _ = s.Fail(p.ctx, "c", "waiting", nil)
	got, err := s.Dead(p.ctx, "c", 10)
	if err != nil || len(got) != 3 {
		p.Fatalf("Dead = %+v, %v; want 3", got, err)
	}
	after := p.now()
	for i, m := range got {
		if m.Attempts != 2 || !bytes.Equal(m.Payload, payload) || m.Since.Before(before) || m.Since.After(after) || m.Since.Location() != time.UTC {
			p.Errorf("message %q: %d attempts, payload of %d, since %v (it was %v to %v)", m.ID, m.Attempts, len(m.Payload), m.Since, before, after)
		}
		if !slices.Contains(ids, m.ID) || i > 0 && m.Since.Before(got[i-1].Since) {
			p.Errorf("message %d is %q since %v, want the oldest first", i, m.ID, m.Since)
		}
	}
	if first := got[0].Error; first[:7] != "it's \x00 " {
		p.Errorf("error %q", first)
	}
	if got, err = s.Dead(p.ctx, "c", 2); err != nil || len(got) != 2 {
		p.Errorf("Dead with a limit of 2 = %+v, %v", got, err)
	}
	if _, err := s.Fail(p.ctx, "c", "plain", nil); err != nil {
		p.Error(err)
	}
	_, err = s.Fail(p.ctx, "c", "plain", nil)
	wantAs[*keys.DeadError](p, "Fail", err)
}

func revived(p *place) {
	s := p.open(keys.MaxAttempts(2))
	for _, id := range []string{"a", "b", "w"} {
		_, _ = s.Fail(p.ctx, "c", id, nil)
	}
	for _, id := range []string{"a", "b"} {
		_, _ = s.Fail(p.ctx, "c", id, nil)
	}
	n, err := s.Revive(p.ctx, "c", "a", "w", "never seen", "a")
	if err != nil || n != 1 {
		p.Errorf("Revive = %d, %v; want 1", n, err)
	}
	if n, err = s.Revive(p.ctx, "c", "a"); err != nil || n != 0 {
		p.Errorf("Revive again = %d, %v; want 0", n, err)
	}
	tx := p.begin(nil)
	fresh, err := keys.Filter(p.ctx, s, tx, "c", []string{"a", "b", "w"}, same)
	wantList(p, "after Revive", fresh, err, "a", "w")
	_ = tx.Rollback()
	wantAttempt(p, s, "a", 1, false)
	fresh, err = p.filter(s, "c", "a", "b", "w")
	wantList(p, "handled at last", fresh, err, "a", "w")
	fresh, err = p.filter(s, "c", "a", "b", "w")
	wantList(p, "afterwards", fresh, err)
	if info, err := s.InspectMessage(p.ctx, "c", "a"); err != nil || info.State != keys.StateDone || info.Attempts != 2 || info.FinishedAt.IsZero() || info.ExpiresAt.Year() > 9000 {
		p.Errorf("InspectMessage = %+v, %v; want it handled at the second attempt", info, err)
	}
}

// revivedByOldName uses Retry, the old name of Revive.
func revivedByOldName(p *place) {
	s := p.open(keys.MaxAttempts(1))
	_, _ = s.Fail(p.ctx, "c", "a", nil)
	if n, err := s.Retry(p.ctx, "c", "a", "never seen"); err != nil || n != 1 { //nolint:staticcheck // this is its test
		p.Errorf("Retry = %d, %v; want 1", n, err)
	}
	fresh, err := p.filter(s, "c", "a")
	wantList(p, "after Retry", fresh, err, "a")
}

func othersDead(p *place) {
	s := p.open(keys.MaxAttempts(1))
	for _, consumer := range []string{"c", "C", "c ", "é", "e\u0301"} {
		if _, err := s.Fail(p.ctx, consumer, "m", nil); err == nil {
			p.Error("not dead")
		}
	}
	for _, consumer := range []string{"c", "C", "c ", "é"} {
		if got, err := s.Dead(p.ctx, consumer, 10); err != nil || len(got) != 1 {
			p.Errorf("Dead of %q = %+v, %v; want 1", consumer, got, err)
		}
		if n, err := s.Revive(p.ctx, consumer, "m", "M"); err != nil || n != 1 {
			p.Errorf("Revive of %q = %d, %v; want 1", consumer, n, err)
		}
	}
	if got, err := s.Dead(p.ctx, "e\u0301", 10); err != nil || len(got) != 1 {
		p.Errorf("Dead = %+v, %v; want the remaining message", got, err)
	}
	p.wantPaid(s, "m")
	if n, err := s.Revive(p.ctx, "me", "m"); err != nil || n != 0 {
		p.Errorf("Revive of a key = %d, %v; want 0", n, err)
	}
}

func handledStays(p *place) {
	s := p.open(keys.MaxAttempts(1))
	if _, err := p.filter(s, "c", "a"); err != nil {
		p.Fatal(err)
	}
	before, err := s.InspectMessage(p.ctx, "c", "a")
	if err != nil {
		p.Fatal(err)
	}
	if n, err := s.Fail(p.ctx, "c", "a", asIs{1}, keys.Payload([]byte("x"))); n != 0 || err != nil {
		p.Errorf("Fail of a handled message = %d, %v; want 0", n, err)
	}
	after, err := s.InspectMessage(p.ctx, "c", "a")
	if err != nil || fmt.Sprint(before) != fmt.Sprint(after) {
		p.Errorf("the message was %+v and is %+v, %v", before, after, err)
	}
	if n, err := s.Revive(p.ctx, "c", "a"); n != 0 || err != nil {
		p.Errorf("Revive of a handled message = %d, %v; want 0", n, err)
	}
	fresh, err := p.filter(s, "c", "a")
	wantList(p, "afterwards", fresh, err)
}

func countsConcurrently(p *place) {
	const attempts = 12
	s := p.open(keys.MaxAttempts(attempts))
	var all sync.WaitGroup
	var mu sync.Mutex
	var seen []int
	for range attempts {
		all.Go(func() {
			n, err := s.Fail(p.ctx, "c", "a", nil)
			var dead *keys.DeadError
			if err != nil && (!errors.As(err, &dead) || n != attempts) {
				p.Errorf("Fail = %d, %v", n, err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, n)
		})
	}
	all.Wait()
	slices.Sort(seen)
	for i, n := range seen {
		if n != i+1 {
			p.Errorf("the attempts were counted %v, want each number once", seen)
			break
		}
	}
}

func oneAttempt(p *place) {
	s := p.open(keys.MaxAttempts(1))
	wantAttempt(p, s, "a", 1, true)
	fresh, err := p.filter(s, "c", "a")
	wantList(p, "after it", fresh, err)
}
