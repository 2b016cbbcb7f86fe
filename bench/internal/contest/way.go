// Package contest measures ways of doing one thing against each other.
package contest

// Kind is whose a way is.
type Kind int

// The kinds of ways.
const (
	Library Kind = iota // ours
	Peer                // another library, or sqlx by hand
	ByHand              // SQL that was written for one database and one table
	Limit               // the server's own INSERT … SELECT: rows that never leave it
)

// String returns the kind as the report has it.
func (k Kind) String() string {
	switch k {
	case Library:
		return "upsert"
	case Peer:
		return "peer"
	case ByHand:
		return "by hand"
	case Limit:
		return "limit"
	}
	return "?"
}

// Way is one way of writing rows.
type Way struct {
	Name   string
	Driver string
	Kind   Kind
	How    string // how it is used, and why that is what its documentation says is best
}

// String returns the way's name and driver.
func (w Way) String() string {
	if w.Driver == "" {
		return w.Name
	}
	return w.Name + " (" + w.Driver + ")"
}
