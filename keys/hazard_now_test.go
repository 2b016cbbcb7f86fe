package keys_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

func TestHazard_K8_TimeOfTheStatement(t *testing.T) {
	t.Parallel()
	hazards(t, lab.Postgres, func(l *hazardLab) {
		tx := l.Begin(nil)
		l.lab.Want("hazard: whether now() moves in a transaction, and clock_timestamp()", l.lab.TextOn(tx, "SELECT now() > transaction_timestamp(), clock_timestamp() > transaction_timestamp()"), "false|true")
		l.lab.Want("Once", l.once(l.store, tx, "a"), "ran a")
		_, err := l.filter(l.store, tx, "m")
		l.lab.Want("Filter", err, nil)
		l.lab.Want("times that are before their transaction's end",
			l.lab.TextOn(tx, "SELECT claimed_at > now(), finished_at > now(), lease_until > now(), expires_at - interval '72 hours' > now() FROM idempotency_keys"), "true|true|true|true true|true|true|true")
		l.lab.Commit(tx)
	})
}

func TestHazard_K8_TimeZonesOfSessions(t *testing.T) {
	t.Parallel()
	hazards(t, lab.MariaDB+" "+lab.MySQL+" "+lab.Postgres, func(l *hazardLab) {
		zone, east, west, naive := "TimeZone", "Asia/Tokyo", "America/Lima", "SELECT localtimestamp::text"
		if l.lab.Family() == "mysql" {
			zone, east, west, naive = "time_zone", "'+09:00'", "'-05:00'", "SELECT CAST(NOW() AS CHAR)"
		}
		var shown []string
		var seen []time.Time
		for i, z := range []string{east, west} {
			db := l.lab.NS.DB(engine.Param(zone, z))
			shown = append(shown, l.lab.TextOn(db, naive)[:13])
			s, id := l.open(db, keys.Retention(time.Hour)), fmt.Sprint("k", i)
			l.lab.Want("Run", l.run(s, id), "ran "+id)
			l.lab.Want("keys removed", l.gc(s), 0)
			info, err := s.Inspect(l.lab.Context(), hazardKey("k0"))
			if err != nil {
				l.lab.Fatalf("Inspect: %v", err)
			}
			if off := time.Since(info.ClaimedAt).Abs(); off > time.Hour {
				l.lab.Errorf("in time zone %s the key was claimed %v ago; want less than an hour", z, off)
			}
			seen = append(seen, info.ExpiresAt)
		}
		if shown[0] == shown[1] {
			l.lab.Errorf("hazard: one time in two zones is %s in both; want two different texts", shown[0])
		}
		l.lab.Want("the end of one key in two zones", seen[0], seen[1])
	})
}

// TestHazard_K8_NoWallClock reads the source code: the library may use the clock of this machine only for durations.
func TestHazard_K8_NoWallClock(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{".", "../internal/claimsql", "../internal/backoff"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("files of %s: %q, err %v", folder, files, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range wallClocks(f) {
				t.Errorf("%v reads the clock of this machine for a purpose other than a duration: ask the database", fset.Position(at))
			}
		}
	}
}

// wallClocks returns the positions at which a file reads the clock. It ignores a start time named began that only time.Since
// reads.
func wallClocks(f *ast.File) (at []token.Pos) {
	fine := map[ast.Node]bool{}
	pass := func(began, call ast.Expr, function string) {
		if c, ok := call.(*ast.CallExpr); ok && isBegan(began) && isClock(c.Fun, function) {
			fine[began], fine[c.Fun] = true, true
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt: // began := time.Now()
			if len(n.Lhs) == 1 {
				pass(n.Lhs[0], n.Rhs[0], "Now")
			}
		case *ast.KeyValueExpr: // began: time.Now()
			pass(n.Key, n.Value, "Now")
		case *ast.CallExpr: // time.Since(began)
			if len(n.Args) == 1 {
				pass(n.Args[0], n, "Since")
			}
		case *ast.Field: // began time.Time
			for _, name := range n.Names {
				fine[name] = true
			}
		case *ast.SelectorExpr: // a field is checked together with its expression
			fine[n.Sel] = true
		}
		return true
	})
	ast.Inspect(f, func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok && !fine[n] && (isBegan(e) || isClock(e, "Now") || isClock(e, "Since") || isClock(e, "Until")) {
			at = append(at, n.Pos())
		}
		return true
	})
	return at
}

// isBegan reports whether the expression is began or a field with this name.
func isBegan(e ast.Expr) bool {
	if s, ok := e.(*ast.SelectorExpr); ok {
		e = s.Sel
	}
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "began"
}

// isClock reports whether the expression is the named function of package time, with or without a call.
func isClock(e ast.Expr, function string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != function {
		return false
	}
	id, ok := s.X.(*ast.Ident)
	return ok && id.Name == "time"
}
