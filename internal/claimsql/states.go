package claimsql

// What a row's column state holds.
const (
	Claimed = 1 // by a transaction that is under way: no other sees it
	Done    = 2 // with a result
	Failed  = 3 // with an error that is an answer
	Waiting = 4 // a message whose handling has failed and will be tried again
	Dead    = 5 // a message whose handling has failed too often
	Held    = 6 // under a lease: no statement of this version writes it
)

// Absent is the state of a key or a message that has no row.
const Absent = 0

// Transition is what a verb makes of a row.
type Transition struct {
	Verb     string // a method of SQL, or GC for those that remove
	From, To int
}

// Transitions returns all changes of a row's state. A verb leaves a row alone that is in any other state, so a row that is Done or
// Failed stays as it is until it is removed. Keys and messages never share a row, because their hashes differ.
//
//	Claim    a key:     Absent → Claimed. Run and Once see what is there, and replay or refuse it.
//	Record   a key:     Claimed → Done, or Failed for a final error. It is sent in the transaction of Claim.
//	Filter   a message: Absent, Waiting → Done. Consume sends it too.
//	Fail     a message: Absent, Waiting → Waiting, or Dead at the last attempt.
//	Revive   a message: Dead → Waiting.
//	GC       both:      Done, Failed → Absent, once the retention is over: Sweep, or else Expired, Lock and Remove.
//
// A rollback, also to a savepoint, undoes them: there is no state for what has not been committed, except where a statement of
// fn's has committed a claim before its result, and left it Claimed for a person to look at.
func Transitions() []Transition {
	return []Transition{
		{"Claim", Absent, Claimed},
		{"Record", Claimed, Done}, {"Record", Claimed, Failed},
		{"Filter", Absent, Done}, {"Filter", Waiting, Done},
		{"Fail", Absent, Waiting}, {"Fail", Absent, Dead}, {"Fail", Waiting, Waiting}, {"Fail", Waiting, Dead},
		{"Revive", Dead, Waiting},
		{"GC", Done, Absent}, {"GC", Failed, Absent},
	}
}
