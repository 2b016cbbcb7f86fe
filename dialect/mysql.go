package dialect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MySQL is MySQL from 5.7 on. [Detect] returns a dialect with the server's own version; from 8.0.19 on this dialect uses a row
// alias instead of VALUES().
var MySQL Dialect = newMySQL("")

type mysql struct {
	name      string
	version   string
	rowAlias  bool // FeatureRowAlias
	returning bool // FeatureReturning
	reporting Reporting
	copying   Copying
	// engine is the engine of a staging table, whose rows need not outlast a crash or a transaction.
	engine  string
	compact bool // JSON is text; a function of the server gives each document one spelling
}

// newMySQL returns a real MySQL at the server's version. No other flavour knows the row alias (hazard H11).
func newMySQL(version string) mysql {
	return mysql{name: "mysql", version: version, rowAlias: supports("mysql", version, FeatureRowAlias), reporting: ReportLastID, copying: CopyLoadData}
}

// castJSON also works for a column of JSON text, which would otherwise be compared with a document as a string.
func castJSON(x string) string { return "CAST(" + x + " AS JSON)" }

func (d mysql) Name() string    { return d.name }
func (d mysql) Version() string { return d.version }
func (mysql) family() string    { return "mysql" }

func (d mysql) Traits() Traits {
	return Traits{
		// More placeholders are error 1390. The bytes are half of 1 MiB, the smallest default of max_allowed_packet that a
		// server has had; escaping can double a value.
		Limits: Limits{Params: 65535, Rows: 500, Bytes: 512 << 10},
		Values: Values{Ordinals: true}, Batches: Batches{Copying: d.copying},
		Reporting: d.reporting, Returning: d.returning, PrepareChunks: true, LockingRead: " LOCK IN SHARE MODE", FoldsNames: true,
	}
}

// CheckIdent allows 64 characters of the Basic Multilingual Plane, the last no blank (dev.mysql.com, "Schema Object Names").
func (d mysql) CheckIdent(name string) error {
	if err := checkIdent(d.name, name, 64, utf8.RuneCountInString); err != nil {
		return err
	}
	for _, r := range name {
		if r > 0xFFFF {
			return fmt.Errorf("upsert: identifier %q has a character beyond U+FFFF, which %s does not take", name, d.name)
		}
	}
	if strings.TrimRight(name, " \t\n\v\f\r") != name {
		return fmt.Errorf("upsert: identifier %q ends in a blank, which %s does not take", name, d.name)
	}
	return nil
}

func (mysql) Quote(name string) string    { return quoteWith("`", name) }
func (d mysql) QuoteTable(t Table) string { return quoteTable(d, t) }

func (d mysql) Upsert(u Upsert) (string, error) {
	merges := slices.ContainsFunc(u.Columns, func(c Column) bool { return c.Rule == Merge })
	if merges && d.name == "mysql" && d.version != "" && !supports(d.name, d.version, FeatureMergePatch) {
		return "", &UnsupportedError{Feature: FeatureMergePatch.String() + " in version " + d.version, Dialect: d.name, Hint: FeatureMergePatch.Since(d.name) + " or later is needed for rule merge"}
	}
	return d.syntax(u.Table).upsert(u)
}

// IsExact returns false: a statement compares only keys and the columns that a rule asks for, and a comparison by bytes is always right.
func (mysql) IsExact(Column, bool) bool { return false }

// Compare is never needed: the database reports the outcome of every row.
func (d mysql) Compare(Compare) (string, error) {
	return "", &UnsupportedError{Feature: "comparison after the fact", Dialect: d.name}
}

func (mysql) Lock(Table) string { return "" }

// Catalog uses SHOW COLUMNS because, unlike information_schema, it also shows the columns of a temporary table.
func (d mysql) Catalog(t Table, _ Target) string { return "SHOW COLUMNS FROM " + d.QuoteTable(t) }

// Stage gives the staging table the columns' types. LOAD DATA LOCAL then warns about a value that it cannot store unchanged;
// LOCAL does no more than warn. The separators are written in hexadecimal, which means the same in every sql_mode. Bytes go
// through variables, because LOAD DATA reads one character set, and refuses bytes that are no text in this character set
// (hazard H25).
func (d mysql) Stage(s Stage) (StageText, error) {
	if d.copying == CopyNone {
		return StageText{}, refuseStage(d)
	}
	name := stageTableOf(d, s.Table)
	var typed, read, set, forget []string
	for i, c := range sentColumns(s.Columns) {
		col, from := d.Quote(c.Name), d.Quote(c.Name)
		if slices.Contains(s.Hex, c.Name) {
			from = "@_upsert_" + strconv.Itoa(i)
			set = append(set, col+" = UNHEX("+from+")")
			forget = append(forget, ", "+from+" = NULL")
		}
		read = append(read, from)
		if slices.Contains(s.Digits, c.Name) {
			col += " + 0 AS " + col
		}
		typed = append(typed, col)
	}
	load := "LOAD DATA LOCAL INFILE 'Reader::" + s.Reader + "' INTO TABLE " + name +
		" CHARACTER SET utf8mb4 FIELDS TERMINATED BY X'09' ESCAPED BY X'5C' LINES TERMINATED BY X'0A' (" + strings.Join(read, ", ") + ")"
	if len(set) > 0 {
		load += " SET " + strings.Join(set, ", ")
	}
	return StageText{
		Create: "CREATE TEMPORARY TABLE " + name + d.engine + " SELECT " + strings.Join(typed, ", ") + " FROM " + d.QuoteTable(s.Table) + " LIMIT 0",
		Load:   load,
		Begin:  "SET @_upsert_notes = @@sql_notes, sql_notes = 0",
		End:    "SET sql_notes = @_upsert_notes" + strings.Join(forget, ""),
		Clear:  "DELETE FROM " + name,
		Drop:   "DROP TEMPORARY TABLE IF EXISTS " + name,
	}, nil
}

func (d mysql) Find(f Find) string {
	return findText(d, f, quoteList(d, f.Return), func(int) string { return "?" })
}

// FindAll finds a row's position by comparing the row's key with the keys once more, because a table of parameters would not have
// the columns' collations.
func (d mysql) FindAll(f FindAll) (text string, times int) {
	var same, key, params []string
	for _, k := range f.Target.Columns {
		same, key, params = append(same, d.Quote(k)+" = ?"), append(key, d.Quote(k)), append(params, "?")
	}
	position, where, times := "0", strings.Join(same, " AND "), 1
	if f.Keys > 1 {
		position, times = "CASE", 2
		for n := range f.Keys {
			position += " WHEN " + where + " THEN " + strconv.Itoa(n)
		}
		position += " ELSE -1 END"
		one, left := "?", strings.Join(key, ", ")
		if len(key) > 1 {
			one, left = "("+strings.Join(params, ", ")+")", "("+left+")"
		}
		where = left + " IN (" + one + strings.Repeat(", "+one, f.Keys-1) + ")"
	}
	from := d.QuoteTable(f.Table)
	if f.Index != "" {
		from += " FORCE INDEX (" + d.Quote(f.Index) + ")"
	}
	text = "SELECT " + position + ", " + quoteList(d, f.Return) + " FROM " + from + " WHERE " + strings.Join(append([]string{where}, f.Target.covered()...), " AND ")
	if f.Lock {
		text += d.Traits().LockingRead
	}
	return text, times
}

// UniqueIndex: ON DUPLICATE KEY UPDATE names no index, so without a unique index the statement is a plain INSERT.
func (d mysql) UniqueIndex(t Table, columns []string) IndexText {
	table, list := d.QuoteTable(t), quoteList(d, columns)
	stored := make([]string, len(columns)) // NULL equals nothing, and stops no unique index
	for i, c := range columns {
		stored[i] = d.Quote(c) + " IS NOT NULL"
	}
	return IndexText{
		Ask:  "SHOW INDEX FROM " + table,
		Kind: "SHOW CREATE TABLE " + table,
		Find: "SELECT " + list + ", COUNT(*) FROM " + table + " WHERE " + strings.Join(stored, " AND ") + " GROUP BY " + list + " HAVING COUNT(*) > 1",
		Mend: "ALTER TABLE " + table + " ADD UNIQUE INDEX " + d.Quote(d.indexName(columns)) + " (" + list + "), ALGORITHM=INPLACE, LOCK=NONE",
	}
}

// indexName returns a name that is unique within its table only, as index names are on these databases.
func (d mysql) indexName(columns []string) string {
	name := strings.Join(columns, "_") + "_unique"
	if d.CheckIdent(name) != nil {
		return "upsert_key_unique"
	}
	return name
}

// stageTableOf returns the staging table's name in the schema of the target table, because the connection may have no default
// schema.
func stageTableOf(d Dialect, t Table) string {
	return d.QuoteTable(Table{Schema: t.Schema, Name: stageName(t, 0)})
}

func (d mysql) syntax(t Table) *onDuplicate {
	o := &onDuplicate{
		d: d,
		expr: grammar{
			stored:   func(c string) string { return d.Quote(t.Name) + "." + d.Quote(c) },
			excluded: func(c string) string { return "VALUES(" + d.Quote(c) + ")" },
			merge:    func(t, p string) string { return "JSON_MERGE_PATCH(" + t + ", " + p + ")" },
			document: func(x string) string { return x },
			now:      "CURRENT_TIMESTAMP(6)",
		},
	}
	o.canonicalJSON, o.expr.distinct = castJSON, o.differ
	if d.compact {
		o.canonicalJSON = func(x string) string { return "CAST(JSON_COMPACT(" + x + ") AS BINARY)" }
	}
	if d.rowAlias {
		alias := distinctAlias("_new", t.Name) // an alias equal to the table's name is error 1066
		o.rowAlias = " AS " + d.Quote(alias)
		o.expr.excluded = func(c string) string { return d.Quote(alias) + "." + d.Quote(c) }
	}
	return o
}
