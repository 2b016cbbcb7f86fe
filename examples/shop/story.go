package main

import (
	"fmt"
	"net/http"
)

const (
	opening = 100_00 // cents on the account when a story begins
	price   = 40_00
	postage = 6_90
)

// story is something that goes wrong, in a sentence, and what is done by one press.
type story struct {
	ID, Thing       string // Thing: payment, record or message
	Title, Sentence string
	Press           string // what the button says
	play            func(*play) error
	end             func(o outcome) (head, text string)
}

// outcome is what a play has left in the database.
type outcome struct {
	with     bool
	requests int // that reached a server
	effects  int // charges, rows or parcels
}

func (o outcome) ok() bool { return o.effects == 1 }

var stories = []*story{
	{
		ID: "answer", Thing: "payment", Title: "The answer is lost", Press: "Pay €40.00",
		Sentence: "Ada pays, the server takes the money, the network loses the answer, and her phone asks again.",
		play:     func(p *play) error { p.network.lose = 1; return p.pay("A") }, end: endPayment,
	},
	{
		ID: "thrice", Thing: "payment", Title: "She presses three times", Press: "Pay €40.00, three times",
		Sentence: "The page is slow, so Ada presses Pay again, and once more.",
		play:     func(p *play) error { return p.pay("A", "A", "A") }, end: endPayment,
	},
	{
		ID: "restart", Thing: "payment", Title: "The server restarts in the middle", Press: "Pay €40.00",
		Sentence: "The server takes the money and is killed before it can say so; another one starts, and the phone asks again.",
		play:     func(p *play) error { p.killsAfterCommit = true; return p.pay("A") }, end: endPayment,
	},
	{
		ID: "servers", Thing: "payment", Title: "Two servers at once", Press: "Pay €40.00",
		Sentence: "A load balancer hands Ada's payment to a second server while the first is still at it.",
		play:     func(p *play) error { p.letMeet(); return p.pay("A", "B") }, end: endPayment,
	},
	{
		ID: "record", Thing: "record", Title: "The record is sent twice", Press: "Save address",
		Sentence: "Ada saves her address, hears nothing, and saves the same address again.",
		play:     func(p *play) error { p.network.lose = 1; return p.save() }, end: endRecord,
	},
	{
		ID: "message", Thing: "message", Title: "The message is delivered again", Press: "Deliver message",
		Sentence: "The queue asks for a parcel, does not hear that it is packed, and delivers the message again.",
		play:     func(p *play) error { p.network.lose = 1; return p.deliver() }, end: endMessage,
	},
}

func storyOf(id string) *story {
	for _, s := range stories {
		if s.ID == id {
			return s
		}
	}
	return nil
}

func euros(cents int) string {
	if cents < 0 {
		return "−" + euros(-cents)
	}
	return fmt.Sprintf("€%d.%02d", cents/100, cents%100)
}

var counts = [...]string{"not at all", "once", "twice", "three times", "four times", "five times"}

func times(n int) string { return counts[min(n, len(counts)-1)] }

func endPayment(o outcome) (head, text string) {
	head = "Charged " + times(o.effects)
	paid, all := euros(o.effects*price), euros(o.requests*price)
	if o.with {
		copies := "the second answer is a copy"
		if o.requests > 2 {
			copies = "the other answers are copies"
		}
		return head, fmt.Sprintf("The shop was asked %s and took %s once; %s of the first. Without the library Ada would have paid %s.",
			times(o.requests), paid, copies, all)
	}
	return head, fmt.Sprintf("The shop was asked %s and took %s for one lamp: %s too much, then a complaint and a refund. With the library Ada pays %s.",
		times(o.requests), paid, euros((o.effects-1)*price), euros(price))
}

func endRecord(o outcome) (head, text string) {
	if o.with {
		return "Saved " + times(o.effects), "The second save met the row of the first, found nothing to change, and wrote nothing. Without the library Ada would be two customers, and a correction would reach one of them."
	}
	return "Saved " + times(o.effects), "Ada is two customers now: each letter goes out twice, and a correction reaches one of them. With the library the second save meets the row of the first."
}

func endMessage(o outcome) (head, text string) {
	cost := euros(price + postage)
	if o.with {
		return "Sent " + times(o.effects), "The message was marked as handled in the transaction that made the parcel, so the second delivery had no effect. Without the library a second lamp leaves, which costs " + cost + " with postage."
	}
	return "Sent " + times(o.effects), "Two parcels are on their way for one order: a lamp and its postage, " + cost + ", are given away. With the library the second delivery has no effect."
}

// Lanes are the names of the drawing's columns.
func (s *story) Lanes() string {
	client, servers := "Ada’s phone", "Server"
	if s.Thing == "message" {
		client = "Queue"
	}
	if s.ID == "restart" || s.ID == "servers" {
		servers = "Server A|Server B"
	}
	return client + "|" + servers + "|Database"
}

// servers are those that run when the story begins.
func (s *story) servers() []string {
	if s.ID == "servers" {
		return []string{"A", "B"}
	}
	return []string{"A"}
}

// isCrowded reports whether requests are under way at the same time.
func (s *story) isCrowded() bool { return s.ID == "thrice" || s.ID == "servers" }

// method is how a thing reaches the server.
func (s *story) method() (method, path string) {
	switch s.Thing {
	case "record":
		return http.MethodPut, "/addresses/home"
	case "message":
		return http.MethodPost, "/messages"
	default:
		return http.MethodPost, "/payments"
	}
}

// asks is what a request says.
func (s *story) asks(body any, key string) string {
	switch b := body.(type) {
	case address:
		return "save address “home”"
	case message:
		return "message " + b.ID[:4] + "…"
	default:
		return "pay, key " + key[:4] + "…"
	}
}

// answers is what an answer says.
func (s *story) answers(status int) string {
	switch {
	case status >= http.StatusBadRequest:
		return http.StatusText(status)
	case s.Thing == "payment":
		return "paid"
	case s.Thing == "record":
		return "saved"
	default:
		return "handled"
	}
}

// claims is how the server begins with the library.
func (s *story) claims() string {
	if s.Thing == "message" {
		return "mark the message"
	}
	return "claim the key"
}

// known is how the server finds that all is done.
func (s *story) known() string {
	if s.Thing == "message" {
		return "the mark is there: nothing to do"
	}
	return "the key is known: nothing to do"
}
