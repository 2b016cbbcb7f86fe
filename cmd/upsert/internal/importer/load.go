package importer

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/dialect"
	"github.com/goupsert/upsert/internal/words"
)

// ruleNames returns the words of -rule.
func ruleNames() []string {
	return slices.DeleteFunc(dialect.Rules(), func(word string) bool { return !isOffered(ruleOf(word)) })
}

// ruleOf returns the rule of a word, or a number below 0.
func ruleOf(word string) upsert.Rule { return upsert.Rule(slices.Index(dialect.Rules(), word)) }

// isOffered reports whether a column of the file can have a rule. A key is for -key to name, a generated column is never written,
// and the same file may come twice.
func isOffered(r upsert.Rule) bool {
	return r >= 0 && r != upsert.Key && r != upsert.Generated && r.RepeatSafe()
}

// checkRules refuses a word that is no rule, and the rules a file cannot be written with.
func checkRules(given []assignment, keys []string) error {
	for _, r := range given {
		if problem := ruleProblem(r, slices.Contains(keys, r.Column)); problem != "" {
			return usagef("-rule %s=%s: %s", r.Column, r.Word, problem)
		}
	}
	return nil
}

func ruleProblem(r assignment, isKey bool) string {
	if isOffered(ruleOf(r.Word)) {
		if isKey {
			return "the column is a -key: what makes two rows the same row takes no rule"
		}
		return ""
	}
	switch r.Word {
	case "add":
		return "adding is not safe to repeat: the same file twice would count twice. So import does not offer it"
	case "generated":
		return "a generated column is never written: leave it out of the file"
	case "key":
		return "say -key " + r.Column
	}
	return "there is no such rule: give one of " + strings.Join(ruleNames(), ", ")
}

// columnRules are the columns and rules as the library's options.
func columnRules(cols []column, given, clocked []assignment) []upsert.Option {
	var opts []upsert.Option
	for _, c := range cols {
		rule := upsert.Replace
		if c.key {
			rule = upsert.Key
		}
		for _, g := range given {
			if g.Column == c.name {
				rule = ruleOf(g.Word)
			}
		}
		opts = append(opts, upsert.Column(c.name, rule))
	}
	for _, c := range clocked {
		opts = append(opts, upsert.Column(c.Column, ruleOf(c.Word), upsert.Now()))
	}
	return opts
}

// upsertRows writes what src reads. Here and in partWriter this program meets the library.
func upsertRows(ctx context.Context, db *sql.DB, d dialect.Dialect, cfg *config, src *source, out *rejects, seen func(int64)) (upsert.Result, error) {
	table, err := upsert.New[map[string]any](d, cfg.table, columnRules(src.cols, cfg.cols.rules, cfg.cols.clocked)...)
	if err != nil {
		return upsert.Result{}, err
	}
	opts := []upsert.PutOption{upsert.Outcomes()}
	if cfg.inOrder {
		opts = append(opts, upsert.InOrder())
	}
	if out != nil {
		w := &partWriter{table: table, opts: opts, src: src, rejects: out, chunk: cfg.chunk, inOrder: cfg.inOrder, seen: seen}
		return w.write(ctx, db)
	}
	opts = append(opts, upsert.Progress(func(rows int64) {
		src.written(rows)
		seen(rows)
	}))
	if cfg.chunk > 0 {
		opts = append(opts, upsert.ChunkTx(cfg.chunk))
	}
	result, err := table.PutSeq(ctx, db, src.rows, opts...)
	return result, src.place(err)
}

// committed is how many rows a failed run has committed for certain.
func committed(err error) int64 {
	var partial *upsert.PartialError
	if errors.As(err, &partial) {
		return partial.Rows
	}
	return 0
}

// mayHaveWritten reports whether rows of a failed run can be in the table.
func mayHaveWritten(err error, writing bool) bool {
	return writing && (committed(err) > 0 || dialect.Classify(err) == dialect.Ambiguous)
}

// aftermath says what a failed run has left in the table, as far as that is known. Until the library was called with the
// rows, which writing tells, a lost connection has lost none.
func aftermath(err error, writing bool) string {
	left := "nothing was written"
	switch {
	case writing && dialect.Classify(err) == dialect.Ambiguous:
		left = "the answer of the database was lost, so rows may have been written: run the same command again, that is safe"
	case committed(err) > 0:
		left = words.Count(int(committed(err)), "row") + " written before stay: run the same command again to go on"
	case writing && errors.Is(err, context.Canceled):
		left = "rolled back, nothing was written"
	}
	if errors.Is(err, context.Canceled) {
		return "interrupted: " + left
	}
	return left
}
