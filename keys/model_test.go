package keys_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/goupsert/upsert/keys"
)

// imagined predicts the contents of a table of keys and of the effects. It implements the documentation in plain Go, without
// a database. The calls are made one after the other, and the answer of each call is recorded as a text.
type imagined struct {
	rows    map[string]imaginedRow
	effects map[string]bool
	told    []string
}

type imaginedRow struct {
	state    keys.State // 1 while fn runs
	print    int        // -1 for a message
	result   string     // the value, the text of the final error, or the cause of the last attempt
	known    bool       // the final error is one of KnownErrors
	attempts int
	retain   time.Duration
	aged     bool // the row looks past its retention
}

// imaginedAttempts is the MaxAttempts setting of the stores.
const imaginedAttempts = 3

func newImagined() *imagined {
	return &imagined{rows: map[string]imaginedRow{}, effects: map[string]bool{}}
}

// say records the answer to a caller.
func (m *imagined) say(format string, args ...any) {
	m.told = append(m.told, fmt.Sprintf(format, args...))
}

// saved returns a function that restores the current rows and effects.
func (m *imagined) saved() (restore func()) {
	rows, effects := maps.Clone(m.rows), maps.Clone(m.effects)
	return func() { m.rows, m.effects = rows, effects }
}

// finished reports whether GC may remove the row.
func (r imaginedRow) finished() bool {
	return r.state == keys.StateDone || r.state == keys.StateFinalError
}

func (mv *claimMove) imagine(m *imagined) {
	row, there := m.rows[mv.subject()]
	switch {
	case there:
		m.meet(mv, row)
		return
	case mv.tooOld():
		m.say("%s too old", mv.id)
		return
	case mv.tooNew():
		m.say("%s too new", mv.id)
		return
	}
	restore := m.saved()
	row = imaginedRow{state: 1, print: mv.print, attempts: 1, retain: mv.retention()}
	m.rows[mv.subject()] = row
	m.effects[mv.id] = true
	for _, inside := range mv.inside {
		inside.imagine(m)
	}
	switch mv.end {
	case endsWell:
		row.state, row.result = keys.StateDone, mv.id
		m.say("%s ran", mv.id)
	case endsBadly:
		restore()
		m.say("%s failed", mv.id)
		return
	case endsInPanic:
		restore()
		m.say("%s panicked", mv.id)
		return
	default:
		restore()
		row.state, row.result, row.known = keys.StateFinalError, mv.finalText(), mv.end == endsKnown
		m.say("%s final %s known %v", mv.id, row.result, row.known)
	}
	m.rows[mv.subject()] = row
}

// meet predicts a claim of a stored key.
func (m *imagined) meet(mv *claimMove, row imaginedRow) {
	switch {
	case mv.print != 0 && row.print != 0 && mv.print != row.print:
		m.say("%s mismatch", mv.id)
	case row.state == 1:
		m.say("%s under itself", mv.id)
	case row.state == keys.StateDone:
		m.say("%s replayed %s", mv.id, row.result)
	default:
		m.say("%s final %s known %v", mv.id, row.result, row.known)
	}
}

func (mv *runMove) imagine(m *imagined) { mv.claim.imagine(m) }

func (mv *txMove) imagine(m *imagined) {
	restore := m.saved()
	for _, inside := range mv.inside {
		inside.imagine(m)
	}
	if !mv.commit {
		restore()
	}
}

func (mv *filterMove) imagine(m *imagined) {
	var fresh []string
	for _, id := range mv.batch {
		row, there := m.rows[messageSubject(id)]
		if there && row.state != keys.StateWaiting {
			continue
		}
		row.state, row.print, row.retain, row.aged = keys.StateDone, -1, imaginedRetention, false
		row.attempts++
		m.rows[messageSubject(id)] = row
		m.effects[mv.effect(id)] = true
		fresh = append(fresh, messageID(id))
	}
	m.say("%s fresh %q", mv.id, fresh)
}

func (mv *consumeMove) imagine(m *imagined) {
	restore := m.saved()
	mv.filter.imagine(m)
	said := len(m.told) - 1
	if m.told[said] == fmt.Sprintf("%s fresh %q", mv.filter.id, []string(nil)) {
		m.told[said] = mv.filter.id + " nothing"
		return
	}
	if mv.fails {
		restore()
		m.say("%s failed", mv.filter.id)
	}
}

func (mv *failMove) imagine(m *imagined) {
	row, there := m.rows[messageSubject(mv.message)]
	switch {
	case there && row.state == keys.StateDone:
		m.say("attempts 0")
		return
	case there && row.state == keys.StateDead:
	default:
		row.state, row.print, row.result = keys.StateWaiting, -1, mv.cause
		if row.attempts++; row.attempts >= imaginedAttempts {
			row.state = keys.StateDead
		}
		m.rows[messageSubject(mv.message)] = row
	}
	m.say("attempts %d dead %v", row.attempts, row.state == keys.StateDead)
}

func (mv *deadMove) imagine(m *imagined) {
	var dead []string
	for id := range playMessages {
		if row := m.rows[messageSubject(id)]; row.state == keys.StateDead {
			dead = append(dead, fmt.Sprintf("%q %d %s", messageID(id), row.attempts, row.result))
		}
	}
	slices.Sort(dead)
	m.say("dead %q", dead)
}

func (mv *reviveMove) imagine(m *imagined) {
	revived := 0
	for _, id := range mv.messages {
		if row := m.rows[messageSubject(id)]; row.state == keys.StateDead {
			row.state, row.attempts = keys.StateWaiting, 0
			m.rows[messageSubject(id)] = row
			revived++
		}
	}
	m.say("revived %d", revived)
}

// imagine makes a finished row look past its retention, so that the test need not wait.
func (mv *ageMove) imagine(m *imagined) {
	if row, there := m.rows[mv.subject]; there && row.finished() {
		row.aged = true
		m.rows[mv.subject] = row
	}
}

func (mv *gcMove) imagine(m *imagined) {
	removed := 0
	for subject, row := range m.rows {
		if row.finished() && row.aged {
			delete(m.rows, subject)
			removed++
		}
	}
	m.say("removed %d", removed)
}
