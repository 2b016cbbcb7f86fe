package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/goupsert/upsert/keys"
)

// info is what keys inspect prints as JSON.
type info struct {
	Scope      string     `json:"scope,omitempty"`
	Op         string     `json:"op,omitempty"`
	Consumer   string     `json:"consumer,omitempty"`
	ID         string     `json:"id"`
	State      string     `json:"state"`
	Attempts   int        `json:"attempts"`
	ClaimedAt  time.Time  `json:"claimed_at"`
	LeaseUntil *time.Time `json:"lease_until,omitempty"`  // of a leased key
	ParkedAt   *time.Time `json:"parked_since,omitempty"` // of a parked key
	FinishedAt *time.Time `json:"finished_at,omitempty"`
	ExpiresAt  time.Time  `json:"expires_at"`
	Codec      string     `json:"codec,omitempty"`
	Result     *string    `json:"result,omitempty"`
}

// stateWords say what a state means to a person.
var stateWords = map[keys.State]string{
	keys.StateClaimed:    "claimed: its effect may be there without a result. Look what became of it, and then upsert keys forget",
	keys.StateDone:       "done",
	keys.StateFinalError: "final error: the error is replayed",
	keys.StateWaiting:    "waiting for its next delivery, after failed attempts",
	keys.StateDead:       "dead: its handling has failed too often. upsert keys revive makes it fresh",
	keys.StateLeased:     "leased: a call of Do has the key, or has left no answer if the lease has ended",
	keys.StateParked:     "parked: nobody knows whether its effect has happened. Look, and then upsert keys resolve or release",
}

func printInfo(to io.Writer, i *keys.Info, asJSON bool) error {
	if asJSON {
		return encodeJSON(to, infoOf(i))
	}
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(to, "%-11s%s\n", name, value)
		}
	}
	if i.Key.Op == "" {
		line("consumer", i.Key.Scope)
	} else {
		line("scope", i.Key.Scope)
		line("op", i.Key.Op)
	}
	line("id", i.Key.ID)
	line("state", stateText(i.State))
	line("attempts", strconv.Itoa(i.Attempts))
	line("claimed", timeText(i.ClaimedAt))
	switch i.State {
	case keys.StateLeased:
		line("leased", "until "+timeText(i.LeaseUntil))
	case keys.StateParked:
		line("parked", "since "+timeText(i.LeaseUntil))
	}
	line("finished", timeText(i.FinishedAt))
	line("expires", timeText(i.ExpiresAt))
	line("codec", i.Codec)
	if len(i.Result) > 0 {
		line("result", resultText(i.Result))
	}
	return nil
}

// infoOf returns the key for JSON.
func infoOf(i *keys.Info) info {
	out := info{
		Scope: i.Key.Scope, Op: i.Key.Op, ID: i.Key.ID, State: i.State.String(), Attempts: i.Attempts, ClaimedAt: i.ClaimedAt,
		ExpiresAt: i.ExpiresAt, Codec: i.Codec,
	}
	if i.Key.Op == "" {
		out.Scope, out.Consumer = "", i.Key.Scope
	}
	switch i.State {
	case keys.StateLeased:
		out.LeaseUntil = &i.LeaseUntil
	case keys.StateParked:
		out.ParkedAt = &i.LeaseUntil
	}
	if !i.FinishedAt.IsZero() {
		out.FinishedAt = &i.FinishedAt
	}
	if len(i.Result) > 0 {
		text := resultText(i.Result)
		out.Result = &text
	}
	return out
}

// encodeJSON writes a value for people and programs.
func encodeJSON(to io.Writer, v any) error {
	enc := json.NewEncoder(to)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func stateText(s keys.State) string {
	if text := stateWords[s]; text != "" {
		return text
	}
	return s.String()
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// resultText is the result as text; a result that is none is quoted.
func resultText(result []byte) string {
	if utf8.Valid(result) {
		return string(result)
	}
	return strconv.Quote(string(result))
}
