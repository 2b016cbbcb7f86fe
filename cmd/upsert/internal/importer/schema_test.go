package importer

import "testing"

func TestCreateTable(t *testing.T) {
	t.Parallel()
	cols := []column{
		{name: "id", kind: kindText, key: true}, {name: "at", kind: kindTimestamp, key: true},
		{name: `n"`, kind: kindInteger}, {name: "r`", kind: kindReal}, {name: "b", kind: kindBoolean},
		{name: "t", kind: kindText}, {name: "j", kind: kindJSON},
	}
	for f, want := range map[family]string{
		familySQLite: `CREATE TABLE "shop"."items" (
  "id" TEXT NOT NULL,
  "at" TIMESTAMP NOT NULL,
  "n""" INTEGER,
  "r` + "`" + `" REAL,
  "b" BOOLEAN,
  "t" TEXT,
  "j" JSON TEXT,
  PRIMARY KEY ("id", "at")
)`,
		familyPostgres: `CREATE TABLE "shop"."items" (
  "id" TEXT NOT NULL,
  "at" TIMESTAMPTZ NOT NULL,
  "n""" BIGINT,
  "r` + "`" + `" DOUBLE PRECISION,
  "b" BOOLEAN,
  "t" TEXT,
  "j" JSONB,
  PRIMARY KEY ("id", "at")
)`,
		familyMySQL: "CREATE TABLE `shop`.`items` (\n" +
			"  `id` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,\n" +
			"  `at` DATETIME(6) NOT NULL,\n" +
			"  `n\"` BIGINT,\n" +
			"  `r``` DOUBLE,\n" +
			"  `b` BOOLEAN,\n" +
			"  `t` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,\n" +
			"  `j` JSON,\n" +
			"  PRIMARY KEY (`id`, `at`)\n) ENGINE=InnoDB",
	} {
		if got := f.createTable("shop.items", cols, nil); got != want {
			t.Errorf("family %d: got\n%s\nwant\n%s", f, got, want)
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		family family
		name   string
		want   kind
	}{
		{familySQLite, "", kindAny}, {familySQLite, "NUMERIC", kindAny}, {familySQLite, "BLOB", kindAny}, {familySQLite, "DATE", kindAny},
		{familySQLite, "BIGINT", kindInteger}, {familySQLite, "VARCHAR(20)", kindText}, {familySQLite, "DOUBLE PRECISION", kindReal},
		{familySQLite, "JSON TEXT", kindJSON}, {familySQLite, "BOOLEAN", kindBoolean}, {familySQLite, "DATETIME", kindTimestamp},
		{familyPostgres, "NUMERIC", kindAny}, {familyPostgres, "UUID", kindAny}, {familyPostgres, "DATE", kindAny}, {familyPostgres, "INT4", kindInteger},
		{familyPostgres, "JSONB", kindJSON}, {familyPostgres, "TIMESTAMPTZ", kindTimestamp}, {familyPostgres, "BPCHAR", kindText},
		{familyMySQL, "TINYINT", kindFlag}, {familyMySQL, "UNSIGNED BIGINT", kindAny}, {familyMySQL, "DECIMAL", kindAny}, {familyMySQL, "VARCHAR", kindText},
		{familyMySQL, "UNSIGNED INT", kindInteger}, {familyMySQL, "DATETIME", kindTimestamp}, {familyMySQL, "JSON", kindJSON},
	} {
		if got := c.family.kindOf(c.name); got != c.want {
			t.Errorf("family %d: %q is sent as %v; want %v", c.family, c.name, got, c.want)
		}
	}
}
