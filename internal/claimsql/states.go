package claimsql

// Claimed and the others are the values of a row's column state.
const (
	Claimed = 1 // by a transaction that is running: no other transaction sees the row
	Done    = 2 // with a result
	Failed  = 3 // with an error that is an answer
	Waiting = 4 // a message whose handling has failed and will be tried again
	Dead    = 5 // a message whose handling has failed too often
	Leased  = 6 // under a lease of Do, which may have ended
	Parked  = 7 // until a person decides
	Free    = 8 // for another attempt of Do
)

// Absent is the state of a key or a message that has no row.
const Absent = 0

// Transition says how a verb changes a row.
type Transition struct {
	Verb     string // a method of SQL, or GC for the methods that remove
	From, To int
}

// Transitions returns all changes of a row's state. A verb does not touch a row in any other state, so a row that is Done or
// Failed stays unchanged until it is removed. Keys and messages never share a row, because their hashes differ.
// A key of Do and a key of Run have different states until they are finished, and different owners always.
//
//	Claim    a key:     Absent → Claimed. Run and Once read a stored row, and replay or refuse it.
//	Record   a key:     Claimed → Done, or Failed for a final error. It is sent in the transaction of Claim.
//	Filter   a message: Absent, Waiting → Done. Consume sends it too.
//	Fail     a message: Absent, Waiting → Waiting, or Dead at the last attempt.
//	Revive   a message: Dead → Waiting.
//	GC       both:      Done, Failed, Free → Absent, once the retention is over: Sweep, or else Expired, Lock and Remove.
//	Forget   a key:     Claimed, Done, Failed, Free → Absent.
//	Lease    a key:     Absent → Leased. Lease is Claim with a lease.
//	TakeOver a key:     Leased → Leased after the lease's end, and Free → Leased. The fence grows.
//	Finish   a key:     Leased, Parked → Done, or Failed for a final error. Do's holder sends it in the lease.
//	Park     a key:     Leased → Parked after the lease's end.
//	Release  a key:     Leased, Parked → Free.
//
// A rollback, also to a savepoint, undoes the changes. So an uncommitted change has no state. The exception is a statement of
// fn that commits a claim before its result: it leaves the row Claimed for a person to look at.
func Transitions() []Transition {
	return []Transition{
		{"Claim", Absent, Claimed},
		{"Record", Claimed, Done}, {"Record", Claimed, Failed},
		{"Filter", Absent, Done}, {"Filter", Waiting, Done},
		{"Fail", Absent, Waiting}, {"Fail", Absent, Dead}, {"Fail", Waiting, Waiting}, {"Fail", Waiting, Dead},
		{"Revive", Dead, Waiting},
		{"GC", Done, Absent}, {"GC", Failed, Absent}, {"GC", Free, Absent},
		{"Forget", Claimed, Absent}, {"Forget", Done, Absent}, {"Forget", Failed, Absent}, {"Forget", Free, Absent},
		{"Lease", Absent, Leased},
		{"TakeOver", Leased, Leased}, {"TakeOver", Free, Leased},
		{"Finish", Leased, Done}, {"Finish", Leased, Failed}, {"Finish", Parked, Done}, {"Finish", Parked, Failed},
		{"Park", Leased, Parked},
		{"Release", Leased, Free}, {"Release", Parked, Free},
	}
}
