package parse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/syntaxtest"
	"github.com/goupsert/upsert/keys"
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// TestClaimsPostgres: PostgreSQL's parser takes every statement of package keys, and reads in each what it is meant to be.
func TestClaimsPostgres(t *testing.T) {
	t.Parallel()
	for _, s := range claimStatements(t, "postgres", "postgres-18") {
		tree, err := pg.Parse(s.Text)
		if err != nil {
			t.Errorf("%s: %v\n%s", s, err, s.Text)
			continue
		}
		for _, fault := range claimFaults(s, tree) {
			t.Errorf("%s: %s\n%s", s, fault, s.Text)
		}
	}
}

func claimFaults(s syntaxtest.ClaimStatement, tree *pg.ParseResult) (faults []string) {
	if len(tree.GetStmts()) != 1 {
		return []string{"it is not one statement"}
	}
	fault := func(broken bool, text string) {
		if broken {
			faults = append(faults, text)
		}
	}
	node := tree.GetStmts()[0].GetStmt()
	insert, update := node.GetInsertStmt(), node.GetUpdateStmt()
	set := update.GetTargetList()
	if insert != nil {
		conflict := insert.GetOnConflictClause()
		fault(!slices.Equal(indexColumns(conflict.GetInfer()), indexed[:1]), "hazard P7: the target is not the key's hash")
		nothing := conflict.GetAction() == pg.OnConflictAction_ONCONFLICT_NOTHING
		fault(nothing == (writes[s.Case.Name] != nil), "it does nothing, or should")
		set = conflict.GetTargetList()
	}
	faults = append(faults, assigned(s.Case.Name, resultNames(set))...)
	for _, name := range replaceable(tree) {
		fault(true, "hazard P29: anybody's "+name+" can be meant")
	}
	fault(update != nil && update.GetWhereClause() == nil, "an UPDATE of all rows")
	fault(node.GetDeleteStmt() != nil && node.GetDeleteStmt().GetWhereClause() == nil, "a DELETE of all rows")
	typed, locks := 0, 0
	var params []int
	walk(tree.ProtoReflect(), func(m proto.Message) {
		switch n := m.(type) {
		case *pg.ParamRef:
			params = append(params, int(n.GetNumber()))
		case *pg.TypeCast:
			if n.GetArg().GetParamRef() != nil {
				typed++
			}
		case *pg.A_Const:
			fault(n.GetSval() != nil && !harmless(n.GetSval().GetSval()), fmt.Sprintf("the text %q", n.GetSval().GetSval()))
		case *pg.LockingClause:
			locks++
			fault(n.GetStrength() != pg.LockClauseStrength_LCS_FORUPDATE || n.GetWaitPolicy() != pg.LockWaitPolicy_LockWaitSkip, "a lock that is not FOR UPDATE SKIP LOCKED")
		case *pg.CurrentOfExpr, *pg.SetToDefault:
			fault(true, "a default or a cursor")
		case *pg.FuncCall:
			name := n.GetFuncname()[len(n.GetFuncname())-1].GetString_().GetSval()
			fault(strings.HasPrefix(name, "nextval") || name == "now", "it calls "+name)
		}
	})
	fault(locks > 0 != rowLocks(s.Case.Name), "it locks rows, or should")
	fault(!s.Bind && len(params) > 0, "it has parameters")
	slices.Sort(params)
	fault(len(params) != len(s.Args) || len(slices.Compact(params)) != len(s.Args) || typed != len(s.Args), "not each argument has one parameter, with a type")
	return faults
}

// callee is a function's name, with its schema.
func callee(call *pg.FuncCall) string {
	var parts []string
	for _, p := range call.GetFuncname() {
		parts = append(parts, p.GetString_().GetSval())
	}
	return strings.Join(parts, ".")
}

// replaceable are the functions of a statement that are looked for along the search_path. An unnest of several arrays is the
// grammar's own, count(*) has no argument that another would fit better, and the function of the rule merge is in a schema of the user's.
func replaceable(tree *pg.ParseResult) (names []string) {
	walk(tree.ProtoReflect(), func(m proto.Message) {
		call, ok := m.(*pg.FuncCall)
		if name := callee(call); ok && !call.GetAggStar() && !strings.HasPrefix(name, "pg_catalog.") && (name != "unnest" || len(call.GetArgs()) < 2) && name != dialect.MergeFunctionName {
			names = append(names, name)
		}
	})
	return names
}

// walk calls f for every message of a tree.
func walk(m protoreflect.Message, f func(proto.Message)) {
	f(m.Interface())
	m.Range(func(d protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case d.Kind() != protoreflect.MessageKind:
		case d.IsList():
			for i := range v.List().Len() {
				walk(v.List().Get(i).Message(), f)
			}
		default:
			walk(v.Message(), f)
		}
		return true
	})
}

// TestClaimsPostgresFaultsAreSeen: each structural check fails on a statement that has its fault.
func TestClaimsPostgresFaultsAreSeen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, fault, query string }{
		{"claim", "not one", `SELECT 1; SELECT 2`},
		{"claim", "P7", `INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING`},
		{"claim", "P7", `INSERT INTO t (a) VALUES (1)`},
		{"claim", "or should", `INSERT INTO t (a) VALUES (1) ON CONFLICT (key_hash) DO UPDATE SET a = 1`},
		{"fail", "or should", `INSERT INTO t (a) VALUES (1) ON CONFLICT (key_hash) DO NOTHING`},
		{"fail", "indexed column key_hash", `INSERT INTO t (a) VALUES (1) ON CONFLICT (key_hash) DO UPDATE SET key_hash = excluded.key_hash`},
		{"record", "indexed column expires_at", `UPDATE t SET expires_at = clock_timestamp() WHERE key_hash = ''`},
		{"record", "all rows", `UPDATE t SET state = 2`},
		{"remove", "all rows", `DELETE FROM t`},
		{"fetch", `the text "shop"`, `SELECT 1 FROM t WHERE scope = 'shop'`},
		{"fetch", `the text "0g"`, `SELECT 1 FROM t WHERE key_hash = '0g'`},
		{"fetch", "it has parameters", `SELECT 1 FROM t WHERE key_hash = $1`},
		{"fetch", "it locks", `SELECT 1 FROM t FOR UPDATE SKIP LOCKED`},
		{"expired", "it locks", `SELECT 1 FROM t`},
		{"expired", "a lock that", `SELECT 1 FROM t FOR UPDATE`},
		{"expired", "a lock that", `SELECT 1 FROM t FOR SHARE SKIP LOCKED`},
		{"fetch", "calls nextval", `SELECT nextval('00')`},
		{"fetch", "P29: anybody's decode", `SELECT decode('00', 'hex')`},
		{"fetch", "P29: anybody's unnest", `SELECT 1 FROM unnest($1)`},
		{"fetch", "P29: anybody's public.decode", `SELECT public.decode('00', 'hex')`},
		{"fetch", "calls now", `SELECT pg_catalog.now()`},
		{"claim", "a default", `INSERT INTO t (a) VALUES (DEFAULT) ON CONFLICT (key_hash) DO NOTHING`},
	} {
		tree, err := pg.Parse(c.query)
		if err != nil {
			t.Fatal(err)
		}
		s := syntaxtest.ClaimStatement{Case: syntaxtest.ClaimCase{Name: c.name}}
		if have := strings.Join(claimFaults(s, tree), "; "); !strings.Contains(have, c.fault) {
			t.Errorf("want a fault with %q, have %q for\n%s", c.fault, have, c.query)
		}
	}
	bound := syntaxtest.ClaimStatement{Case: syntaxtest.ClaimCase{Name: "fetch"}, Bind: true}
	bound.Args = []any{"a", "b"}
	for query, wrong := range map[string]bool{
		"SELECT $1::text, $2::bytea": false, "SELECT $1::text, $2": true, "SELECT $1::text": true, "SELECT 1": true,
		"SELECT $1::text, $2::text, $3::text": true, "SELECT $1::text, $1::text": true,
	} {
		tree, err := pg.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		if have := claimFaults(bound, tree); (have != nil) != wrong {
			t.Errorf("%s has the faults %v", query, have)
		}
	}
}

// TestClaimIndexesPostgres: the table has its key, one index that is not unique, and no number that the database counts up.
func TestClaimIndexesPostgres(t *testing.T) {
	t.Parallel()
	tree, err := pg.Parse(keys.Schema(dialect.Postgres))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, s := range tree.GetStmts() {
		if i := s.GetStmt().GetIndexStmt(); i != nil {
			for _, p := range i.GetIndexParams() {
				found = append(found, fmt.Sprintf("%s unique %v", p.GetIndexElem().GetName(), i.GetUnique()))
			}
			continue
		}
		for _, e := range s.GetStmt().GetCreateStmt().GetTableElts() {
			column := e.GetColumnDef()
			for _, c := range column.GetConstraints() {
				switch kind := c.GetConstraint().GetContype(); kind {
				case pg.ConstrType_CONSTR_PRIMARY, pg.ConstrType_CONSTR_UNIQUE:
					found = append(found, fmt.Sprintf("%s unique %v", column.GetColname(), true))
				case pg.ConstrType_CONSTR_IDENTITY, pg.ConstrType_CONSTR_DEFAULT, pg.ConstrType_CONSTR_GENERATED:
					t.Errorf("the column %s has a value of its own", column.GetColname())
				}
			}
			if names := column.GetTypeName().GetNames(); column == nil || strings.Contains(names[len(names)-1].GetString_().GetSval(), "serial") {
				t.Errorf("%v: a serial, or no column", column)
			}
		}
	}
	if want := []string{indexed[0] + " unique true", indexed[1] + " unique false"}; !slices.Equal(found, want) {
		t.Errorf("the indexes are %v, want %v", found, want)
	}
}
