package lincheck_test

import "fmt"

// what is what a call has learnt of a key or a message, or done to it.
type what string

// Of keys.
const (
	ran           what = "ran"            // fn's effect and result were committed
	declined      what = "declined"       // fn's final error was committed
	undone        what = "undone"         // fn was called, and what it did was rolled back
	replayed      what = "replayed"       // the stored result came
	replayedFinal what = "replayed final" // the stored error came
	mismatched    what = "mismatched"     // the stored fingerprint is another
)

// Of messages.
const (
	fresh       what = "fresh"        // handed out and committed
	freshUndone what = "fresh undone" // handed out and rolled back
	handled     what = "handled"      // not handed out
	failed      what = "failed"       // an attempt was counted, n by now
	died        what = "died"         // it is dead, after n attempts
	failedLate  what = "failed late"  // an attempt was not counted, because the message is done
	revived     what = "revived"
	notRevived  what = "not revived"
)

// Of both, as Inspect sees it.
const (
	sawNothing what = "saw nothing"
	sawDone    what = "saw done"
	sawFailed  what = "saw failed"
	sawWaiting what = "saw waiting"
	sawDead    what = "saw dead"
)

// event is one call's part in the history of one key or message.
type event struct {
	subject   string
	short     bool // its retention is, so it may be forgotten
	what      what
	print     int    // the fingerprint: 0 is none
	value     string // the result; of what has an effect, also the effect's id
	n         int    // attempts
	call, ret int64
	unsure    bool // whether it was committed is found in the table of effects
	late      bool // if it was, then perhaps after the call returned
}

func (e event) String() string {
	s := fmt.Sprintf("[%d, %d] %s %s", e.call, e.ret, e.subject, e.what)
	if e.value != "" {
		s += " value " + e.value
	}
	if e.print != 0 {
		s += fmt.Sprintf(" fingerprint %d", e.print)
	}
	if e.n != 0 {
		s += fmt.Sprintf(" attempts %d", e.n)
	}
	return s
}

// hasEffect: a row with the value is to be in the table of effects.
func (e event) hasEffect() bool { return e.what == ran || e.what == fresh }

// finishes: the row is finished by it, so that GC may remove it once.
func (e event) finishes() bool { return e.hasEffect() || e.what == declined }

// undo returns what is left of the event if its transaction is rolled back.
func (e event) undo() event {
	switch e.what {
	case ran, declined:
		e.what, e.value = undone, ""
	case fresh:
		e.what, e.value = freshUndone, ""
	}
	return e
}
