package matrix

// Postgres returns the column types of PostgreSQL, and the statements that create the custom types among them.
func Postgres() (setup []string, columns []Column) {
	setup = []string{
		"CREATE TYPE mood AS ENUM ('sad', 'ok', '5', 'true')", "CREATE DOMAIN raw AS bytea", "CREATE DOMAIN rawer AS raw", "CREATE DOMAIN small AS int2",
		"CREATE DOMAIN cents AS numeric(10,2)", "CREATE DOMAIN money_cents AS cents", "CREATE DOMAIN moment AS timestamptz(0)", "CREATE DOMAIN yes AS boolean",
		"CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)", "CREATE DOMAIN folded AS text COLLATE folding",
	}
	for _, typ := range []string{
		"text", "varchar(40)", "bytea", "raw", "rawer", "smallint", "integer", "bigint", "small", "numeric", "numeric(10,2)", "money_cents", "real", "double precision",
		"boolean", "yes", "uuid", "mood", "date", "timestamp", "timestamp(0)", "timestamptz", "moment", "time", "interval", "char(12)", `text COLLATE "C"`, "text COLLATE folding", "folded", "jsonb", "name", "oid", "inet", "bit varying(12)",
	} {
		columns = append(columns, Column{Name: typ, Type: typ, IsKey: true, Own: ownOf(typ)})
	}
	for _, typ := range []string{"json", "xml", "int[]", "text[]", "point", "money", "tsvector"} { // types that cannot be a key or rarely are
		columns = append(columns, Column{Name: typ, Type: typ, Own: "none"})
	}
	return setup, columns
}

// ownOf returns the Own of a PostgreSQL column.
func ownOf(typ string) string {
	switch typ {
	case "smallint", "integer", "bigint":
		return "int"
	case "double precision":
		return "float"
	case "boolean":
		return "bool"
	case "text", "varchar(40)", `text COLLATE "C"`:
		return "string"
	case "bytea":
		return "bytes"
	case "timestamptz":
		return "time"
	}
	return "none"
}
