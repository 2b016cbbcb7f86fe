package main

import (
	"maps"
	"net/http"
	"slices"
)

// audit compares the client's list with the bank's books.
type audit struct {
	customers []standing
	all       standing

	doubled  int // intents that were charged more than once
	lost     int // intents that the client was told are paid, and are not charged
	unmeant  int // charges of a declined intent, or of none
	unheard  int // intents that have no answer
	refused  int // intents whose answer is neither paid nor declined
	declined int
}

// standing is one customer's.
type standing struct {
	customer        string
	payments, lines int // meant, charged
	meant, charged  int64
	taken           int64 // from the balance
}

func (s standing) equal() bool {
	return s.payments == s.lines && s.meant == s.charged && s.charged == s.taken
}

// newAudit looks at what came to the books between two readings.
func newAudit(intents []intent, before, after books) *audit {
	a := &audit{}
	charges := map[string][]entry{}
	byName := map[string]*standing{}
	of := func(customer string) *standing {
		if byName[customer] == nil {
			byName[customer] = &standing{customer: customer, taken: before.balances[customer] - after.balances[customer]}
		}
		return byName[customer]
	}
	for id, e := range after.entries {
		if _, old := before.entries[id]; !old {
			charges[e.Reference] = append(charges[e.Reference], e)
			s := of(e.Customer)
			s.lines++
			s.charged += e.Amount
		}
	}
	for customer := range after.balances {
		of(customer)
	}
	for _, i := range intents {
		a.weigh(i, charges[i.Key], of(i.Order.Customer))
		delete(charges, i.Key)
	}
	for _, rest := range charges {
		a.unmeant += len(rest)
	}
	a.sum(byName)
	return a
}

// weigh compares one intent with what was charged for it.
func (a *audit) weigh(i intent, charged []entry, s *standing) {
	for _, e := range charged {
		if e.order() != i.Order {
			a.unmeant++
		}
	}
	switch i.Outcome {
	case http.StatusCreated:
		s.payments++
		s.meant += i.Order.Amount
		if len(charged) == 0 {
			a.lost++
		}
		if len(charged) > 1 {
			a.doubled++
		}
		return
	case http.StatusPaymentRequired:
		a.declined++
	case 0:
		a.unheard++
	default:
		a.refused++
	}
	a.unmeant += len(charged)
}

func (a *audit) sum(byName map[string]*standing) {
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		s := byName[name]
		if *s == (standing{customer: name}) {
			continue // somebody of an earlier run
		}
		a.customers = append(a.customers, *s)
		a.all.payments += s.payments
		a.all.lines += s.lines
		a.all.meant += s.meant
		a.all.charged += s.charged
		a.all.taken += s.taken
	}
}

// equal is what the program is for.
func (a *audit) equal() bool {
	for _, s := range a.customers {
		if !s.equal() {
			return false
		}
	}
	return a.doubled+a.lost+a.unmeant+a.unheard+a.refused == 0
}

func (e entry) order() order { return order{e.Customer, e.Amount} }
