package dialect

import (
	"strconv"
	"strings"
)

// onDuplicate writes the statements of the databases that have INSERT … ON DUPLICATE KEY UPDATE.
//
// There any unique key can cause the update, not only the target (hazard H10), and a collation may treat two different keys as
// equal (H18). So the first assignment compares the stored key with the new key, byte by byte, and makes the statement fail if
// they differ. This assignment sets the key to itself, which writes nothing (H13), and contains the code that reports the
// outcome.
type onDuplicate struct {
	d    Dialect
	expr grammar
	// rowAlias follows VALUES (…).
	rowAlias string
	// canonicalJSON returns x in the form in which two spellings of one document are equal.
	canonicalJSON func(x string) string
}

// otherKey returns an expression that fails in every sql_mode, with error 1690, because the statement must not go on. The
// expression depends on the stored key, so that no optimizer evaluates it without a conflict. (TiDB evaluates a subquery even
// if the subquery is not reached.) If an engine did not fail, the expression would be NULL, which a key's column refuses. The
// expression has the key's type, because otherwise IF would turn a BIT into text.
func otherKey(key string) string {
	return "IF(" + greatest + " + (COALESCE(LENGTH(" + key + "), 0) + 1) > 0, NULLIF(" + key + ", " + key + "), NULL)"
}

// greatest is the greatest BIGINT UNSIGNED. MySQL and MariaDB repeat the expression in the error's text.
const greatest = "18446744073709551615"

func (o *onDuplicate) upsert(u Upsert) (string, error) {
	if err := refuseSource(o.d, u.Rows.Source, u.Filter || u.Split || u.Answer.Count); err != nil {
		return "", err
	}
	if err := o.refuse(u); err != nil {
		return "", err
	}
	set, version := assignedColumns(u.Columns, u.Target.Columns)
	if u.Mode == Create || onlyTouches(set) {
		set, version = nil, nil
	}
	code := u.Answer.Report && o.d.Traits().Reporting == ReportCode
	var b strings.Builder
	b.WriteString("INSERT INTO " + o.d.QuoteTable(u.Table) + " (" + quoteList(o.d, columnNames(u.Columns)) + ") ")
	field := func(c Column, value string) string {
		if code && c.Name == u.Target.Columns[0] {
			return "IF(LAST_INSERT_ID(" + codeText(CodeInserted) + ") > 0, " + value + ", NULL)"
		}
		return o.expr.insertedValue(c, value)
	}
	switch {
	case u.Rows.Source == FromStage:
		o = o.writeStaged(&b, u, field)
	case u.Rows.Removes:
		o = o.writeSelect(&b, u, field)
	default:
		b.WriteString("VALUES ")
		o.expr.writeTuples(&b, u.Columns, u.Rows.N, func(_ int, c Column) string { return field(c, "?") }, noLeadingValue)
		b.WriteString(o.rowAlias)
	}
	b.WriteString(" ON DUPLICATE KEY UPDATE ")
	assignments := o.assignments(set, version)
	if check := o.keyCheck(u, set, version); check != "" {
		assignments = append([]string{check}, assignments...)
	}
	b.WriteString(strings.Join(assignments, ", "))
	o.writeReturning(&b, u, code)
	return b.String(), nil
}

// refuse returns an error for a part of the upsert that the database cannot express.
func (o *onDuplicate) refuse(u Upsert) error {
	t := o.d.Traits()
	switch {
	case u.Target.Where != "":
		return &UnsupportedError{Feature: "partial unique index", Dialect: o.d.Name(), Hint: "leave IndexWhere out, or use a generated column that is NULL where the index shall not count"}
	case u.Target.Constraint != "":
		return &UnsupportedError{Feature: "ON CONSTRAINT", Dialect: o.d.Name(), Hint: "leave OnConstraint out: the statement is guarded to act on the key's columns only"}
	case len(u.Answer.Return) > 0 && !t.Returning:
		return &UnsupportedError{Feature: "INSERT … RETURNING", Dialect: o.d.Name()}
	case u.Answer.Report && t.Reporting == ReportLastID && (u.Rows.N > 1 || u.Rows.Source != FromParams):
		return &UnsupportedError{Feature: "report of several rows in a statement", Dialect: o.d.Name()}
	}
	return nil
}

// writeReturning writes a RETURNING of the outcome's code, if code is set, and the columns of Return.
func (o *onDuplicate) writeReturning(b *strings.Builder, u Upsert, code bool) {
	var list []string
	if code {
		list = append(list, "LAST_INSERT_ID()")
	}
	for _, c := range u.Answer.Return {
		list = append(list, o.d.Quote(c))
	}
	if len(list) > 0 {
		b.WriteString(" RETURNING " + strings.Join(list, ", "))
	}
}

// writeSelect writes the row as a SELECT from a row of parameters, to whose columns the update can refer as well as to
// VALUES(). writeSelect returns the syntax of this update. A SELECT can have no row alias (hazard H11).
func (o *onDuplicate) writeSelect(b *strings.Builder, u Upsert, field func(Column, string) string) *onDuplicate {
	alias := o.d.Quote(distinctAlias(sourceAlias, u.Table.Name))
	sourceValue := func(c string) string { return alias + "." + o.d.Quote(c) }
	var list, params []string
	for _, c := range u.Columns {
		if c.Now {
			list = append(list, o.expr.now)
			continue
		}
		list = append(list, field(c, sourceValue(c.Name)))
		params = append(params, "? AS "+o.d.Quote(c.Name))
	}
	b.WriteString("SELECT " + strings.Join(list, ", ") + " FROM (SELECT " + strings.Join(params, ", ") + ") AS " + alias)
	s := o.withValues()
	s.expr.patch = sourceValue
	return s
}

// writeStaged writes the rows as a SELECT from the staging table, and returns the syntax of the update.
func (o *onDuplicate) writeStaged(b *strings.Builder, u Upsert, field func(Column, string) string) *onDuplicate {
	alias := o.d.Quote(distinctAlias(sourceAlias, u.Table.Name))
	var list []string
	for _, c := range u.Columns {
		if c.Now {
			list = append(list, o.expr.now)
			continue
		}
		list = append(list, field(c, alias+"."+o.d.Quote(c.Name)))
	}
	b.WriteString("SELECT " + strings.Join(list, ", ") + " FROM " + stageTableOf(o.d, u.Table) + " AS " + alias)
	return o.withValues()
}

func (o *onDuplicate) withValues() *onDuplicate {
	s := *o
	s.expr.excluded = func(c string) string { return "VALUES(" + o.d.Quote(c) + ")" }
	return &s
}

// keyCheck returns the first assignment: the key is set to itself if the stored key and the new key are the same. A plain statement
// does not compare the keys. If such a statement assigns other columns and reports no outcome, it needs no first assignment.
func (o *onDuplicate) keyCheck(u Upsert, set []Column, version *Column) string {
	key := u.Target.Columns[0]
	self, reports := o.expr.stored(key), u.Answer.Report && o.d.Traits().Reporting != ReportUnknown
	if reports {
		self = "IF(LAST_INSERT_ID(" + o.outcomeCode(set, version) + ") > 0, " + self + ", NULL)"
	}
	assign := o.d.Quote(key) + " = "
	switch {
	case u.isPlain() && !reports && len(set) > 0:
		return ""
	case u.isPlain():
		return assign + self
	}
	return assign + "IF(" + o.sameKey(u) + ", " + self + ", " + otherKey(o.expr.stored(key)) + ")"
}

// sameKey returns a condition that is true if the stored key and the new key are the same, byte by byte.
func (o *onDuplicate) sameKey(u Upsert) string {
	kinds := map[string]Kind{}
	for _, c := range u.Columns {
		kinds[c.Name] = c.Kind
	}
	var same []string
	for _, k := range u.Target.Columns {
		same = append(same, o.equal(o.expr.stored(k), o.expr.excluded(k), kinds[k]))
	}
	return strings.Join(same, " AND ")
}

// outcomeCode returns an expression for the outcome of a stored row. It reads the stored values, so it must come before the
// assignments.
func (o *onDuplicate) outcomeCode(set []Column, version *Column) string {
	switch {
	case version != nil:
		return "IF(" + o.expr.newer(*version) + ", " + codeText(CodeUpdated) + ", IF(" + o.expr.same(*version, set) + ", " + codeText(CodeUnchanged) + ", " + codeText(CodeStale) + "))"
	case len(set) == 0:
		return codeText(CodeUnchanged)
	}
	return "IF(" + o.expr.changes(set) + ", " + codeText(CodeUpdated) + ", " + codeText(CodeUnchanged) + ")"
}

// assignments returns the assignments. They run from left to right and see the results of the assignments before them
// (hazard H16). So a touched column, which reads the other columns, comes first, and the version, which the others read, comes
// last.
func (o *onDuplicate) assignments(set []Column, version *Column) (list []string) {
	write := func(c Column, cond string) {
		value := o.expr.value(c)
		if cond != "" {
			value = "IF(" + cond + ", " + value + ", " + o.expr.stored(c.Name) + ")"
		}
		list = append(list, o.d.Quote(c.Name)+" = "+value)
	}
	cond := ""
	if version != nil {
		cond = o.expr.newer(*version)
	}
	for _, c := range set {
		if c.Rule == Touch {
			if version != nil {
				write(c, cond)
			} else {
				write(c, o.expr.changes(set))
			}
		}
	}
	for _, c := range set {
		switch {
		case c.Rule == Touch || c.Rule == Version:
		case c.Rule == Merge && version == nil:
			// The merged text may be another spelling of the stored text.
			write(c, o.expr.changes([]Column{c}))
		default:
			write(c, cond)
		}
	}
	if version != nil {
		write(*version, cond)
	}
	return list
}

func (o *onDuplicate) differ(a, b string, k Kind) string { return "NOT (" + o.equal(a, b, k) + ")" }

func (o *onDuplicate) equal(a, b string, k Kind) string {
	switch k {
	case KindPlain, KindNumber:
		return a + " <=> " + b
	case kindMerged:
		return o.canonicalJSON(a) + " <=> " + o.canonicalJSON(b)
	}
	return "CAST(" + a + " AS BINARY) <=> CAST(" + b + " AS BINARY)"
}

func codeText(c int64) string { return strconv.FormatInt(c, 10) }
