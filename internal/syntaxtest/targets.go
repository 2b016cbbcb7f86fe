package syntaxtest

import "github.com/goupsert/upsert"

type accountRow struct {
	ID    int64  `db:"id" upsert:"key"`
	Email string `db:"email" upsert:"key=email"`
	Name  string `db:"name"`
	Plan  string `db:"plan"`
}

type memberRow struct {
	ID    int64  `db:"id" upsert:"key"`
	Org   int64  `db:"org" upsert:"key=seat,key=person"`
	Seat  int64  `db:"seat" upsert:"key=seat"`
	Email string `db:"email" upsert:"key=person"`
	Name  string `db:"name"`
}

func targetCases() []Case {
	account, member := []accountRow{{ID: 1, Email: "a@example.com"}}, []memberRow{{ID: 1, Org: 2, Seat: 3}}
	return []Case{
		{"target-default", "A column of another target: it is assigned like any column, by the rule it has beside (here none).", id, table(account)},
		{"target-named", "The named target: the other key is written by an insert and never assigned (hazard P11).", []string{"email"}, table(account, upsert.Target("email"))},
		{"target-compound", "A named target of two columns, one of which is in two targets. The column that is only in the other one is assigned,\nfor it has no rule of its own.", []string{"org", "seat"}, table(member, upsert.Target("seat"))},
		{"columns", "A subset of the columns: what is not inserted is not assigned (hazard P12).", id, table(account, upsert.Columns("id", "plan"))},
		{"index-where", "A partial unique index is found by its predicate, which is literal text (hazards P1, S3).", id, table([]replaceRow{{ID: 1}}, upsert.IndexWhere("deleted_at IS NULL"))},
		{"on-constraint", "The arbiter by its name, on PostgreSQL alone.", id, table([]replaceRow{{ID: 1}}, upsert.OnConstraint(`items "pkey"`))},
		{"index-where-key-only", "A predicate goes with a key-only table too: DO NOTHING has no WHERE of its own (hazard S2).", id, table([]keyOnlyRow{{1}}, upsert.IndexWhere("kind = 'main'"))},
	}
}
