package syntaxtest

import (
	"strings"
	"time"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/claimsql"
)

// ClaimCase is one statement of package keys.
type ClaimCase struct {
	Name string
	// Why says what the case shows and why it matters. It opens the golden file.
	Why string
	// Table is another than the default one, or zero.
	Table dialect.Table
	// SQL writes the statement with the values. The text is "" if the database needs no statement.
	SQL func(*claimsql.SQL, ClaimValues) claimsql.Statement
}

// ClaimCases returns every case.
func ClaimCases() []ClaimCase {
	all := append(claimCases(), waitCases()...)
	all = append(append(all, inboxCases()...), leaseCases()...)
	return append(append(all, sweepCases()...), listCases()...)
}

type statement = claimsql.Statement

func claimCases() []ClaimCase {
	claim := func(q *claimsql.SQL, v ClaimValues) statement { return q.Claim(v.Row, "") }
	plain := func(q *claimsql.SQL, v ClaimValues) statement {
		v.Row.Fingerprint, v.Row.FingerprintVersion = nil, 0
		return q.Claim(v.Row, "")
	}
	timed := func(q *claimsql.SQL, v ClaimValues) statement {
		v.Row.KeyTime = 1767614400000
		return q.Claim(v.Row, "")
	}
	age := func(q *claimsql.SQL, v ClaimValues) statement {
		v.Row.KeyTime = 1767614400000
		return q.Age(v.Row)
	}
	record := func(state int) func(*claimsql.SQL, ClaimValues) statement {
		return func(q *claimsql.SQL, v ClaimValues) statement {
			return q.Record(v.Row.Hash, v.Row.Owner, state, v.Result, v.Codec)
		}
	}
	empty := func(q *claimsql.SQL, v ClaimValues) statement {
		return q.Record(v.Row.Hash, v.Row.Owner, claimsql.Done, nil, v.Codec)
	}
	fetch := func(q *claimsql.SQL, v ClaimValues) statement { return q.Fetch(v.Row.Hash) }
	look := func(q *claimsql.SQL, v ClaimValues) statement { return q.Look(v.Row.Hash) }
	proof := func(q *claimsql.SQL, v ClaimValues) statement { return q.Proof(v.Row.Hash, v.Row.Owner) }
	return []ClaimCase{
		{Name: "claim", Why: "The insert that a key's first caller wins, and for which the others wait. Only MariaDB's returns the row that was there.", SQL: claim},
		{Name: "claim-plain", Why: "A key without a fingerprint.", SQL: plain},
		{Name: "claim-table", Why: "A table with a schema and a quote in its name. ON DUPLICATE KEY UPDATE names the table without the schema.", Table: dialect.Table{Schema: "app", Name: "odd\"`name"}, SQL: claim},
		{Name: "claim-key-time", Why: "A key that carries its own time is claimed only while that is not further back than its retention, by the database's\nclock (hazard K8).", SQL: timed},
		{Name: "age", Why: "Why a key that carries its own time was not claimed.", SQL: age},
		{Name: "look", Why: "What a claim must know of a row that is there, before its transaction. A row that another is writing is passed over: at\nREAD UNCOMMITTED it would be seen. MySQL 5.7 cannot do so, and gives up after a moment.", SQL: look},
		{Name: "proof", Why: "Whether the transaction is still the one of the claim, asked after an error that Tx has not seen (hazard E3).", SQL: proof},
		{Name: "fetch", Why: "The same inside a transaction: on MySQL and MariaDB only a locking read sees a row that is newer than the\ntransaction's view (hazard K25).", SQL: fetch},
		{Name: "record", Why: "The claim's completion with a result. No indexed column is among those that it changes, and no key but the owner's.", SQL: record(claimsql.Done)},
		{Name: "record-failed", Why: "The completion with an error that is an answer.", SQL: record(claimsql.Failed)},
		{Name: "record-empty", Why: "The completion without a result.", SQL: empty},
		{Name: "info", Why: "All that is known of a key, times as text in UTC.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Info(v.Row.Hash) }},
		{Name: "savepoint", Why: "Where Once in the caller's transaction can go back to.", SQL: savepoint(claimsql.Savepoint)},
		{Name: "savepoint-back", Why: "The way back.", SQL: savepoint(claimsql.RollbackTo)},
		{Name: "savepoint-release", Why: "The end of it.", SQL: savepoint(claimsql.Release)},
	}
}

func savepoint(write func(string) string) func(*claimsql.SQL, ClaimValues) statement {
	return func(_ *claimsql.SQL, v ClaimValues) statement {
		return statement{Text: write(claimsql.SavepointName(v.Row.Owner))}
	}
}

func waitCases() []ClaimCase {
	text := func(limit time.Duration, part func(claimsql.Wait, ClaimValues) string) func(*claimsql.SQL, ClaimValues) statement {
		return func(q *claimsql.SQL, v ClaimValues) statement { return statement{Text: part(q.Wait(limit), v)} }
	}
	claim := func(limit time.Duration) func(*claimsql.SQL, ClaimValues) statement {
		return func(q *claimsql.SQL, v ClaimValues) statement { return q.Claim(v.Row, q.Wait(limit).Prefix) }
	}
	set := func(w claimsql.Wait, _ ClaimValues) string { return w.Set }
	const limit = 2500 * time.Millisecond
	return []ClaimCase{
		{Name: "claim-wait", Why: "A claim that waits 2.5 seconds at most: MariaDB takes the limit with the statement.", SQL: claim(limit)},
		{Name: "claim-no-wait", Why: "A claim that does not wait.", SQL: claim(0)},
		{Name: "wait-ask", Why: "What the setting was, where there is one to be changed.", SQL: text(limit, func(w claimsql.Wait, _ ClaimValues) string { return w.Before })},
		{Name: "wait-set", Why: "2.5 seconds at most, never less than was asked for. On PostgreSQL for the transaction only (hazard E8).", SQL: text(limit, set)},
		{Name: "wait-set-none", Why: "Not at all, or the least there is.", SQL: text(0, set)},
		{Name: "wait-back", Why: "The setting as it was.", SQL: text(limit, func(w claimsql.Wait, v ClaimValues) string {
			if w.After == nil {
				return ""
			}
			if strings.Contains(w.Before, "CONCAT") { // MySQL has two
				return w.After(v.Setting + ",31536000")
			}
			return w.After(v.Setting)
		})},
	}
}

func inboxCases() []ClaimCase {
	fail := func(most int) func(*claimsql.SQL, ClaimValues) statement {
		return func(q *claimsql.SQL, v ClaimValues) statement {
			return q.Fail(v.Consumer, v.Marks[0], claimsql.Failure{Call: [claimsql.CallSize]byte([]byte("c0c1c2c3c4c5c6c7")), Owner: v.Row.Owner, Most: most, Report: v.Result})
		}
	}
	filter := func(q *claimsql.SQL, v ClaimValues) statement {
		return q.Filter(v.Consumer, v.Row.Owner, v.Row.Retain, v.Marks)
	}
	return []ClaimCase{
		{Name: "filter", Why: "A batch of messages, marked by one statement. SQLite has parameters always, for the text of ten thousand messages would be\nlonger than it takes; PostgreSQL has two lists of digits, whatever their number, and MySQL before 8.0.19 strings whose parts are counted out.", SQL: filter},
		{Name: "marked", Why: "Which of the messages are there, and which of them the batch has marked, if Filter does not return it.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Marked(v.Row.Owner, v.Marks) }},
		{Name: "present", Why: "How many of the messages that Filter did not return are there: a trigger may have swallowed a mark.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Present(v.Marks) }},
		{Name: "fail", Why: "An attempt at a message has failed; the tenth makes it dead. A call counts once, so it can be sent twice.", SQL: fail(10)},
		{Name: "fail-once", Why: "The first attempt is the last.", SQL: fail(1)},
		{Name: "attempts", Why: "The attempts that Fail has counted.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Attempts(v.Marks[0]) }},
		{Name: "dead", Why: "A consumer's dead messages, found by the index on expires_at.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Dead(v.Consumer, 100) }},
		{Name: "revive", Why: "Dead messages wait again.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Revive(v.Marks) }},
	}
}

func sweepCases() []ClaimCase {
	return []ClaimCase{
		{Name: "sweep", Why: "A batch of finished or free rows that are past their time goes, around those that somebody has locked. MySQL and MariaDB take no\nLIMIT in a subquery of IN, so they take two steps.", SQL: func(q *claimsql.SQL, _ ClaimValues) statement { return q.Sweep(1000) }},
		{Name: "expired", Why: "The first step: MariaDB has SKIP LOCKED from 10.6 on. MySQL 5.7 looks without a lock.", SQL: func(q *claimsql.SQL, _ ClaimValues) statement { return q.Expired(1000, nil) }},
		{Name: "expired-again", Why: "The first step after one of the rows was found locked, which is left out.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Expired(1000, v.Marks[:1]) }},
		{Name: "lock", Why: "The step between on MySQL 5.7: what is still to go is locked, unless another transaction has some of it.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Lock(v.Marks) }},
		{Name: "remove", Why: "The second step. It reads no row but those: not every form of DELETE would on MySQL and MariaDB (hazard K39).", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Remove(v.Marks) }},
	}
}

func listCases() []ClaimCase {
	list := func(state int, after bool) func(*claimsql.SQL, ClaimValues) statement {
		return func(q *claimsql.SQL, v ClaimValues) statement {
			if after {
				return q.List(state, &v.Row.Hash, 100)
			}
			return q.List(state, nil, 100)
		}
	}
	end := func(q *claimsql.SQL, v ClaimValues) statement { return q.SpanEnd(&v.Marks[0].Hash, 5000) }
	inScope := func(q *claimsql.SQL, v ClaimValues) statement {
		return q.InScope(v.Row.Scope, claimsql.Span{After: &v.Marks[0].Hash, Last: &v.Row.Hash})
	}
	return []ClaimCase{
		{Name: "list", Why: "The first page of the keys in a state, in the order of the primary key. No index has the state.", SQL: list(claimsql.Done, false)},
		{Name: "list-after", Why: "The next page.", SQL: list(claimsql.Done, true)},
		{Name: "list-waiting", Why: "Messages that are not handled never expire, so the index on expires_at finds them.", SQL: list(claimsql.Waiting, true)},
		{Name: "forget", Why: "A key is forgotten, unless nobody knows yet what has become of its effect.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.Forget(v.Row.Hash) }},
		{Name: "span-end", Why: "How far the next 5,000 rows go. The primary key's index answers this.", SQL: end},
		{Name: "in-scope", Why: "The keys of a scope among those rows. A message has no operation and is left out.", SQL: inScope},
		{Name: "lock-forgettable", Why: "MySQL and MariaDB lock what is to be forgotten first: a DELETE of a list could read the whole table (hazard K39).", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.LockForgettable(v.Marks) }},
		{Name: "forget-all", Why: "What is to be forgotten goes; MySQL and MariaDB have locked it, and use remove.", SQL: func(q *claimsql.SQL, v ClaimValues) statement { return q.ForgetAll(v.Marks) }},
	}
}
