package keys_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/goupsert/upsert"
	"github.com/goupsert/upsert/internal/engine"
	"github.com/goupsert/upsert/keys"
)

// wrongTable is the table of Schema with one error.
type wrongTable struct {
	swap swaps  // replacements in the text of Schema
	then string // statements to run after the schema
	want string // the beginning of the only problem
	do   string // the remedy in the problem's text
}

type swaps = []string // old, new, …

// wrongAnywhere returns the wrong tables whose statements are the same in every database.
func wrongAnywhere() []wrongTable {
	return []wrongTable{
		{then: "CREATE UNIQUE INDEX u ON idempotency_keys (owner)", want: "index u is unique", do: "drop it"},
		{then: "CREATE UNIQUE INDEX u ON idempotency_keys (key_hash, fence)", want: "index u is unique", do: "drop it"},
		{then: "CREATE INDEX c ON idempotency_keys (state)", want: "index c has state, which changes", do: "drop it"},
		{then: "CREATE INDEX c ON idempotency_keys (claimed_at, finished_at)", want: "index c has finished_at, which changes", do: "drop it"},
	}
}

func wrongInSQLite() []wrongTable {
	anew := "create the table anew"
	return []wrongTable{
		{swap: swaps{"  finished_at TEXT NULL,\n", ""}, want: "column finished_at is missing", do: `ALTER TABLE "idempotency_keys" ADD COLUMN finished_at TEXT NULL`},
		{swap: swaps{"  scope TEXT NOT NULL,\n", ""}, want: "column scope is missing", do: anew},
		{swap: swaps{"key_hash BLOB", "key_hash VARCHAR(64)"}, want: "column key_hash is VARCHAR(64), which is the wrong type", do: anew},
		{swap: swaps{"fence INTEGER", "fence REAL"}, want: "column fence is REAL, which is the wrong type", do: anew},
		{swap: swaps{"expires_at TEXT", "expires_at DATETIME"}, want: "column expires_at is DATETIME, which is the wrong type", do: anew},
		{swap: swaps{"result BLOB", "result TEXT"}, want: "column result is TEXT, which is the wrong type", do: anew},
		{swap: swaps{"scope TEXT NOT NULL", "scope TEXT"}, want: "column scope can be NULL", do: anew},
		{swap: swaps{"finished_at TEXT NULL", "finished_at TEXT NOT NULL"}, want: "column finished_at is NOT NULL, and an unfinished key", do: anew},
		{swap: swaps{"attempts INTEGER NOT NULL", "attempts INTEGER NOT NULL AS (fence)"}, want: "column attempts is computed", do: "plain column"},
		{swap: swaps{"BLOB NOT NULL PRIMARY KEY", "BLOB PRIMARY KEY"}, want: "column key_hash can be NULL", do: anew},
		{swap: swaps{"\n);", ",\n  more TEXT NOT NULL\n);"}, want: "column more is NOT NULL without a default", do: "give it a default"},
		{swap: swaps{" PRIMARY KEY", "", "expires_at TEXT NOT NULL\n", "expires_at TEXT NOT NULL,\n  PRIMARY KEY (key_hash, scope)\n"}, want: "the primary key is (key_hash, scope)", do: "key_hash alone"},
		{swap: swaps{"PRIMARY KEY", "PRIMARY KEY ON CONFLICT REPLACE"}, want: "a constraint of it has an ON CONFLICT clause", do: anew},
		{swap: swaps{"idempotency_keys (", "good ("}, then: "CREATE VIEW idempotency_keys AS SELECT * FROM good", want: "it is a view", do: "the table behind it"},
		{swap: swaps{"CREATE TABLE IF", "CREATE TEMP TABLE IF"}, want: "it is a temporary table", do: "drop it"},
	}
}

func wrongInPostgres() []wrongTable {
	alter := `ALTER TABLE "idempotency_keys" `
	return []wrongTable{
		{swap: swaps{" PRIMARY KEY", ""}, want: "there is no primary key", do: "make key_hash the primary key"},
		{swap: swaps{"  scope text NOT NULL,\n", ""}, want: "column scope is missing", do: alter + "ADD COLUMN scope text NOT NULL"},
		{swap: swaps{"key_hash bytea NOT NULL PRIMARY KEY CHECK (octet_length(key_hash) = 32)", "key_hash text NOT NULL PRIMARY KEY"}, want: "column key_hash is text, which is the wrong type", do: alter + "ALTER COLUMN key_hash TYPE bytea"},
		{swap: swaps{"  id text", "  id varchar(64)"}, want: "column id is character varying(64), which is too narrow", do: alter + "ALTER COLUMN id TYPE text"},
		{swap: swaps{"  id text", "  id char(2000)"}, want: "column id is character(2000), which is the wrong type", do: "TYPE text"},
		{swap: swaps{"codec text", "codec varchar(63)"}, want: "column codec is character varying(63), which is too narrow", do: "TYPE text"},
		{swap: swaps{"attempts integer", "attempts smallint"}, want: "column attempts is smallint, which is too narrow", do: "TYPE integer"},
		{swap: swaps{"fence bigint", "fence integer"}, want: "column fence is integer, which is too narrow", do: "TYPE bigint"},
		{swap: swaps{"fence bigint", "fence numeric"}, want: "column fence is numeric, which is the wrong type", do: "TYPE bigint"},
		{swap: swaps{"expires_at timestamptz", "expires_at timestamp"}, want: "column expires_at is timestamp without time zone, which is the wrong type", do: "TYPE timestamptz"},
		{swap: swaps{"claimed_at timestamptz", "claimed_at timestamptz(0)"}, want: "column claimed_at is timestamp(0) with time zone, which is too narrow", do: "TYPE timestamptz"},
		{swap: swaps{"result bytea", "result jsonb"}, want: "column result is jsonb, which is the wrong type", do: "TYPE bytea"},
		{swap: swaps{"owner bytea NOT NULL", "owner bytea"}, want: "column owner can be NULL", do: alter + "ALTER COLUMN owner SET NOT NULL"},
		{swap: swaps{"result bytea NULL", "result bytea NOT NULL"}, want: "column result is NOT NULL, and an unfinished key has no result", do: alter + "ALTER COLUMN result DROP NOT NULL"},
		{swap: swaps{"attempts integer NOT NULL", "attempts integer NOT NULL GENERATED ALWAYS AS IDENTITY"}, want: "column attempts is computed", do: "plain column"},
		{swap: swaps{"attempts integer NOT NULL", "attempts integer NOT NULL GENERATED ALWAYS AS (state + 1) STORED"}, want: "column attempts is computed", do: "plain column"},
		{swap: swaps{"expires_at timestamptz NOT NULL\n", "expires_at timestamptz NOT NULL,\n  more text NOT NULL\n"}, want: "column more is NOT NULL without a default", do: "give it a default"},
		{swap: swaps{" PRIMARY KEY CHECK", " PRIMARY KEY DEFERRABLE CHECK"}, want: "the primary key is deferrable", do: "plain primary key"},
		{swap: swaps{" PRIMARY KEY", ""}, then: "ALTER TABLE idempotency_keys ADD PRIMARY KEY (key_hash, scope)", want: "the primary key is (key_hash, scope)", do: "key_hash alone"},
		{then: "CREATE UNIQUE INDEX u ON idempotency_keys (owner) WHERE fence > 7", want: "index u is unique", do: "drop it"},
		{then: "ALTER TABLE idempotency_keys ADD CONSTRAINT u EXCLUDE USING btree (owner WITH =)", want: "index u is unique", do: "drop it"},
		{then: "CREATE INDEX c ON idempotency_keys (scope) WHERE state = 5", want: "index c has state, which changes", do: "drop it"},
		{then: "CREATE INDEX c ON idempotency_keys ((upper(codec)))", want: "index c has codec, which changes", do: "drop it"},
		{then: "CREATE INDEX c ON idempotency_keys (scope) INCLUDE (finished_at)", want: "index c has finished_at, which changes", do: "drop it"},
		{swap: swaps{"CREATE TABLE IF", "CREATE UNLOGGED TABLE IF"}, want: "the table or one of its partitions is UNLOGGED", do: "SET LOGGED"},
		{swap: swaps{"CREATE TABLE IF", "CREATE TEMP TABLE IF"}, want: "it is a temporary table", do: "drop it"},
		{swap: swaps{"idempotency_keys (", "good ("}, then: "CREATE VIEW idempotency_keys AS SELECT * FROM good", want: "it is a view", do: "the table behind it"},
		{swap: swaps{"WITH (fillfactor = 80)", "PARTITION BY HASH (key_hash)"}, then: "CREATE UNLOGGED TABLE part PARTITION OF idempotency_keys FOR VALUES WITH (MODULUS 1, REMAINDER 0)", want: "the table or one of its partitions is UNLOGGED", do: "SET LOGGED"},
		{swap: swaps{" PRIMARY KEY", "", "expires_at timestamptz NOT NULL\n) WITH (fillfactor = 80)", "expires_at timestamptz NOT NULL,\n  PRIMARY KEY (key_hash, expires_at)\n) PARTITION BY RANGE (expires_at)"},
			want: "the primary key is (key_hash, expires_at)", do: "partitioned by key_hash"},
	}
}

func wrongInMySQL(mariadb bool) []wrongTable {
	modify := "ALTER TABLE `idempotency_keys` MODIFY "
	const utf8mb4 = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"
	wrong := []wrongTable{
		{swap: swaps{" PRIMARY KEY", ""}, want: "there is no primary key", do: "make key_hash the primary key"},
		{swap: swaps{"  fence BIGINT NOT NULL,\n", ""}, want: "column fence is missing", do: "ALTER TABLE `idempotency_keys` ADD COLUMN fence BIGINT NOT NULL"},
		{swap: swaps{"key_hash BINARY(32)", "key_hash VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"}, want: "column key_hash is varchar(64) in utf8mb4_general_ci, which is the wrong type", do: modify + "key_hash BINARY(32) NOT NULL"},
		{swap: swaps{"key_hash BINARY(32)", "key_hash BINARY(20)"}, want: "column key_hash is binary(20), which is too narrow", do: modify + "key_hash BINARY(32) NOT NULL"},
		{swap: swaps{"key_hash BINARY(32)", "key_hash BINARY(40)"}, want: "column key_hash is binary(40), which is the wrong type", do: "BINARY(32)"},
		{swap: swaps{"owner BINARY(16)", "owner VARBINARY(8)"}, want: "column owner is varbinary(8), which is too narrow", do: "BINARY(16)"},
		{swap: swaps{"  id VARCHAR(1020)", "  id VARCHAR(64)"}, want: "column id is varchar(64) in utf8mb4_bin, which is too narrow", do: modify + "id VARCHAR(1020)" + utf8mb4},
		{swap: swaps{"  scope VARCHAR(1020) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "  scope VARCHAR(1020) CHARACTER SET latin1"}, want: "column scope is varchar(1020) in latin1_swedish_ci, which does not hold every character", do: modify + "scope VARCHAR(1020)" + utf8mb4},
		{swap: swaps{"codec VARCHAR(64)", "codec VARCHAR(8)"}, want: "column codec is varchar(8) in utf8mb4_bin, which is too narrow", do: "codec VARCHAR(64)"},
		{swap: swaps{"result LONGBLOB", "result BLOB"}, want: "column result is blob, which is too narrow", do: modify + "result LONGBLOB NULL"},
		{swap: swaps{"result LONGBLOB", "result LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"}, want: "column result is longtext in utf8mb4_bin, which is the wrong type", do: "LONGBLOB"},
		{swap: swaps{"fence BIGINT", "fence TINYINT"}, want: "column fence is tinyint", do: modify + "fence BIGINT NOT NULL"},
		{swap: swaps{"state SMALLINT", "state TINYINT"}, want: "column state is tinyint", do: "SMALLINT"},
		{swap: swaps{"attempts INT", "attempts MEDIUMINT UNSIGNED"}, want: "column attempts is mediumint", do: "attempts INT"},
		{swap: swaps{"fence BIGINT", "fence DECIMAL(20)"}, want: "column fence is decimal(20,0), which is the wrong type", do: "BIGINT"},
		{swap: swaps{"expires_at DATETIME(6)", "expires_at DATETIME"}, want: "column expires_at is datetime, which is too narrow", do: modify + "expires_at DATETIME(6) NOT NULL"},
		{swap: swaps{"lease_until DATETIME(6)", "lease_until DATETIME(3)"}, want: "column lease_until is datetime(3), which is too narrow", do: "DATETIME(6)"},
		{swap: swaps{"finished_at DATETIME(6) NULL", "finished_at TIMESTAMP(6) NULL"}, want: "column finished_at is timestamp(6), which is the wrong type", do: "DATETIME(6)"},
		{swap: swaps{"claimed_at DATETIME(6) NOT NULL", "claimed_at DATETIME(6) NOT NULL ON UPDATE CURRENT_TIMESTAMP(6)"}, want: "column claimed_at is computed", do: "plain column"},
		{swap: swaps{"attempts INT NOT NULL", "attempts INT GENERATED ALWAYS AS (state + 1) STORED"}, want: "column attempts is computed", do: "plain column"},
		{swap: swaps{"owner BINARY(16) NOT NULL", "owner BINARY(16) NULL"}, want: "column owner can be NULL", do: modify + "owner BINARY(16) NOT NULL"},
		{swap: swaps{"finished_at DATETIME(6) NULL", "finished_at DATETIME(6) NOT NULL"}, want: "column finished_at is NOT NULL, and an unfinished key", do: modify + "finished_at DATETIME(6) NULL"},
		{swap: swaps{"\n) ENGINE", ",\n  more INT NOT NULL\n) ENGINE"}, want: "column more is NOT NULL without a default", do: "give it a default"},
		{swap: swaps{" PRIMARY KEY", ""}, then: "ALTER TABLE idempotency_keys ADD PRIMARY KEY (key_hash, fence)", want: "the primary key is (key_hash, fence)", do: "key_hash alone"},
		{swap: swaps{" PRIMARY KEY", ""}, then: "ALTER TABLE idempotency_keys ADD PRIMARY KEY (key_hash(8))", want: "the primary key is deferrable, prefixed or partial", do: "plain primary key"},
		{then: "CREATE INDEX c ON idempotency_keys (result(10))", want: "index c has result, which changes", do: "drop it"},
		{swap: swaps{"ENGINE=InnoDB", "ENGINE=MyISAM"}, want: "its engine MyISAM has no transactions", do: "ENGINE=InnoDB"},
		{swap: swaps{"idempotency_keys (", "good ("}, then: "CREATE VIEW idempotency_keys AS SELECT * FROM good", want: "it is a view", do: "the table behind it"},
	}
	if mariadb {
		wrong = append(wrong, wrongTable{swap: swaps{"ENGINE=InnoDB ROW_FORMAT=DYNAMIC", "ENGINE=Aria"}, want: "its engine Aria has no transactions", do: "ENGINE=InnoDB"})
	}
	return wrong
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		wrong := wrongAnywhere()
		switch e.Dialect() {
		case "sqlite":
			wrong = append(wrong, wrongInSQLite()...)
		case "postgres":
			wrong = append(wrong, wrongInPostgres()...)
		default:
			wrong = append(wrong, wrongInMySQL(e.Dialect() == "mariadb")...)
		}
		for _, w := range wrong {
			t.Run(w.want, func(t *testing.T) {
				t.Parallel()
				x := newDDL(t, e.Open(t))
				x.db.SetMaxOpenConns(1) // a temporary table belongs to its connection
				w.refused(x)
			})
		}
	})
}

// made creates the table.
func (w wrongTable) made(x ddl) {
	x.Helper()
	text := keys.Schema(x.d)
	for i := 0; i < len(w.swap); i += 2 {
		if !strings.Contains(text, w.swap[i]) {
			x.Fatalf("the schema has no %q", w.swap[i])
		}
	}
	x.exec(strings.NewReplacer(w.swap...).Replace(text) + w.then)
}

func (w wrongTable) refused(x ddl) {
	x.Helper()
	w.made(x)
	_, err := keys.Open(x.Context(), x.db)
	var wrong *keys.SchemaError
	switch {
	case !errors.As(err, &wrong):
		x.Fatalf("Open: %v, want a SchemaError", err)
	case len(wrong.Problems) != 1 || !strings.HasPrefix(wrong.Problems[0].Why, w.want) || !strings.Contains(wrong.Problems[0].Mend, w.do):
		x.Errorf("the problems are %q, want only: %s … %s", wrong.Problems, w.want, w.do)
	case wrong.Table != plainName || !strings.HasPrefix(err.Error(), "upsert: table idempotency_keys: "+w.want):
		x.Errorf("the error is of table %s: %v", wrong.Table, err)
	default:
		w.isTyped(x, wrong.Problems[0])
	}
}

// isTyped checks that the fields of the problem name the column or the index that its text names.
func (w wrongTable) isTyped(x ddl, p upsert.Problem) {
	x.Helper()
	kind, rest, _ := strings.Cut(w.want, " ")
	name, _, _ := strings.Cut(rest, " ")
	named := map[string]bool{"column": p.Check == keys.CheckColumn && p.Column == name, "index": p.Check != "" && p.Index == name}
	if ok, one := named[kind]; p.Check == "" || p.Severity != upsert.Fault || one && !ok {
		x.Errorf("the problem is %#v", p)
	}
}

// TestOpenTakesWhatServes checks that Open accepts other types than the types of Schema if they serve as well.
func TestOpenTakesWhatServes(t *testing.T) {
	t.Parallel()
	taken := map[string][]wrongTable{
		"sqlite": {
			{swap: swaps{"\n);", "\n) WITHOUT ROWID;"}},
			{swap: swaps{"\n);", "\n) STRICT;"}},
			{swap: swaps{"scope TEXT", "scope VARCHAR(20)", "owner BLOB", "owner", "fence INTEGER", "fence BIGINT"}},
		},
		"postgres": {
			{swap: swaps{"scope text", "scope varchar(1020)", "codec text", "codec varchar", "state smallint", "state bigint", "expires_at timestamptz", "expires_at timestamptz(6)"}},
			{swap: swaps{"WITH (fillfactor = 80)", "PARTITION BY HASH (key_hash)"}, then: "CREATE TABLE part PARTITION OF idempotency_keys FOR VALUES WITH (MODULUS 1, REMAINDER 0)"},
			{then: "CREATE INDEX more ON idempotency_keys (expires_at DESC, scope) WHERE attempts > 1"},
		},
		"mariadb": {
			{swap: swaps{"scope VARCHAR(1020) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "scope TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "owner BINARY(16)", "owner VARBINARY(40)"}},
			{swap: swaps{"fence BIGINT", "fence BIGINT UNSIGNED", "attempts INT", "attempts BIGINT ZEROFILL", "state SMALLINT", "state INT(3)"}},
			{swap: swaps{") ENGINE=InnoDB ROW_FORMAT=DYNAMIC", ") ENGINE=InnoDB PARTITION BY KEY (key_hash) PARTITIONS 4"}},
		},
	}
	taken["mysql"] = taken["mariadb"]
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		for _, w := range append(taken[e.Dialect()], wrongTable{then: "CREATE INDEX more ON idempotency_keys (claimed_at);\nALTER TABLE idempotency_keys ADD COLUMN more INTEGER NULL"}) {
			x := newDDL(t, e.Open(t))
			w.made(x)
			x.migrate()
		}
	})
}

// TestOpenNamesEverythingAtOnce checks that Open accepts a table that lacks only what Migrate adds, because Migrate needs an
// open store. If the table has other problems, the error also names the missing index.
func TestOpenNamesEverythingAtOnce(t *testing.T) {
	t.Parallel()
	eachDDL(t, func(x ddl) {
		x.exec(x.part(createFile, "Up"))
		x.open()
		x.exec("ALTER TABLE idempotency_keys ADD COLUMN more INTEGER;\nCREATE UNIQUE INDEX u ON idempotency_keys (more);\nCREATE INDEX c ON idempotency_keys (state)")
		_, err := keys.Open(x.Context(), x.db)
		var wrong *keys.SchemaError
		if !errors.As(err, &wrong) || len(wrong.Problems) != 3 {
			x.Fatalf("Open: %v, want a SchemaError with three problems", err)
		}
		for _, want := range []string{"index u is unique", "index c has state", "no index on expires_at, so GC would read the whole table: CREATE INDEX"} {
			if !strings.Contains(err.Error(), want) {
				x.Errorf("%v does not say %q", err, want)
			}
		}
	})
}

// TestMigrateMakesAnIndexThatServes checks that only an index that can be searched by expires_at alone counts as an index
// for GC.
func TestMigrateMakesAnIndexThatServes(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e *engine.Engine) {
		indexes := []string{"(scope, expires_at)"}
		switch e.Dialect() {
		case "sqlite":
			indexes = append(indexes, "(expires_at) WHERE fence > 0")
		case "postgres":
			indexes = append(indexes, "(expires_at) WHERE fence > 0", "USING hash (expires_at)", "USING brin (expires_at)")
		default:
			indexes = []string{"(scope(20), expires_at)"}
		}
		for _, index := range indexes {
			x := newDDL(t, e.Open(t))
			x.exec(x.part(createFile, "Up"))
			x.exec("CREATE INDEX other ON idempotency_keys " + index)
			x.migrate()
			x.exec(x.part(indexFile, "Down")) // on MySQL this fails if the index does not exist
			if x.indexed(plainName) {
				t.Errorf("the index %s counts as one for GC", index)
			}
		}
	})
}
