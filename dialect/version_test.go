package dialect_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/goupsert/upsert/dialect"
)

// banners are answers to SELECT version(), as the servers' documentation and issues show them.
var banners = []struct{ banner, name, version string }{
	{"PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14) 12.2.0, 64-bit", "postgres", "15.18"},
	{"PostgreSQL 18.4 on x86_64-linux-gnu, compiled by gcc-12.2.0, 64-bit", "postgres", "18.4"},
	{"PostgreSQL 18beta1 on x86_64-pc-linux-gnu", "postgres", "18"},
	{"PostgreSQL 9.6.24 on x86_64-pc-linux-musl", "postgres", "9.6.24"},
	{"PostgreSQL 16.6 (EnterpriseDB Advanced Server 16.6.0) on x86_64-pc-linux-gnu", "postgres", "16.6"},
	{"CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu, built 2023/09/27 01:53:43, go1.19.10)", "cockroachdb", "23.1.11"},
	{"CockroachDB OSS v25.2.0-alpha.1 (aarch64-unknown-linux-gnu)", "cockroachdb", "25.2.0"},
	{"PostgreSQL 11.2-YB-2.18.0.1-b0 on x86_64-pc-linux-gnu, compiled by clang version 15.0.3, 64-bit", "yugabytedb", "2.18.0.1"},
	{"PostgreSQL 15.2-YB-2.25.1.0-b0 on x86_64-pc-linux-gnu", "yugabytedb", "2.25.1.0"},
	{"8.0.36", "mysql", "8.0.36"},
	{"8.0.36-0ubuntu0.22.04.1", "mysql", "8.0.36"},
	{"8.0.35-27.1", "mysql", "8.0.35"},
	{"5.7.44-log", "mysql", "5.7.44"},
	{"9.1.0", "mysql", "9.1.0"},
	{"10.11.6-MariaDB-1:10.11.6+maria~ubu2204", "mariadb", "10.11.6"},
	{"10.11.19-MariaDB-0+deb12u1", "mariadb", "10.11.19"},
	{"11.8.2-MariaDB-log", "mariadb", "11.8.2"},
	{"5.5.5-10.6.16-MariaDB-1:10.6.16+maria~deb11", "mariadb", "10.6.16"},
	{"10.5.27-MariaDB-enterprise", "mariadb", "10.5.27"},
	{"5.7.25-TiDB-v6.5.2", "tidb", "6.5.2"},
	{"8.0.11-TiDB-v8.5.1", "tidb", "8.5.1"},
	{"8.0.11-TiDB-v7.5.1-serverless", "tidb", "7.5.1"},
	{"8.0.30-Vitess", "vitess", "8.0.30"},
}

func TestFromVersion(t *testing.T) {
	t.Parallel()
	for _, c := range banners {
		d, err := dialect.FromVersion(c.banner)
		if err != nil || d.Name() != c.name || d.Version() != c.version {
			t.Errorf("%q: %v, %v, want %s at %s", c.banner, d, err, c.name, c.version)
		}
	}
}

// refusedBanners are the banners of servers that the library cannot serve or does not know.
var refusedBanners = []struct{ banner, name, says string }{
	{"PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.12103", "redshift", "does not enforce unique keys"},
	{"PostgreSQL 9.5.25 on x86_64-pc-linux-gnu", "postgres", "9.6 or later is needed"},
	{"PostgreSQL 8.4.22 on x86_64", "postgres", "9.6 or later is needed"},
	{"10.4.34-MariaDB", "mariadb", "RETURNING needs 10.5 or later"},
	{"5.5.5-10.3.39-MariaDB-log", "mariadb", "RETURNING needs 10.5 or later"},
	{"5.5.68-MariaDB", "mariadb", "RETURNING needs 10.5 or later"},
	{"5.6.51-log", "mysql", "5.7 or later is needed"},
	{"v1.5.6", "server", "give New a dialect"},
	{"", "server", "give New a dialect"},
	{"H2 2.1.214", "server", "give New a dialect"},
	{"Vertica Analytic Database v9.1.1-0", "server", "give New a dialect"},
	{"PostgreSQL", "postgres", "9.6 or later"},
	{"Microsoft SQL Server 2022", "server", "give New a dialect"},
	// ClickHouse: four numbers, no unique keys.
	{"24.3.1.2672", "server", "give New a dialect"},
}

func TestFromVersionRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range refusedBanners {
		d, err := dialect.FromVersion(c.banner)
		var lacks *dialect.UnsupportedError
		if d != nil || !errors.As(err, &lacks) || lacks.Dialect != c.name || !strings.Contains(lacks.Hint, c.says) {
			t.Errorf("%q: %v, %v, want an *UnsupportedError of %s whose hint has %q", c.banner, d, err, c.name, c.says)
			continue
		}
		if !strings.HasPrefix(err.Error(), "upsert: ") || c.banner != "" && !strings.Contains(err.Error(), c.banner) {
			t.Errorf("%q: %v, want it to begin with upsert: and to name what the server said", c.banner, err)
		}
	}
}

func TestVersionDecidesTheText(t *testing.T) {
	t.Parallel()
	has := func(banner string, reporting dialect.Reporting, alias bool) {
		t.Helper()
		d, err := dialect.FromVersion(banner)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Traits().Reporting; got != reporting {
			t.Errorf("%q reports by %v, want %v", banner, got, reporting)
		}
		query, err := d.Upsert(dialect.Upsert{
			Table: dialect.Table{Name: "t"}, Target: dialect.Target{Columns: []string{"id"}}, Rows: dialect.Rows{N: 1},
			Columns: []dialect.Column{{Name: "id", Rule: dialect.Key, Kind: dialect.KindPlain}, {Name: "v", Kind: dialect.KindPlain}},
		})
		if err != nil || strings.Contains(query, " AS `_new`") != alias {
			t.Errorf("%q writes %s, %v, want a row alias: %v", banner, query, err, alias)
		}
	}
	has("PostgreSQL 17.10", dialect.ReportFlagPlain, false)
	has("PostgreSQL 18.4", dialect.ReportFlag, false)
	has("CockroachDB CCL v23.1.11", dialect.ReportUnknown, false)
	has("PostgreSQL 15.2-YB-2.25.1.0-b0", dialect.ReportUnknown, false)
	has("8.0.18", dialect.ReportLastID, false)
	has("8.0.19", dialect.ReportLastID, true)
	has("9.0.1", dialect.ReportLastID, true)
	has("5.7.44", dialect.ReportLastID, false)
	has("10.11.6-MariaDB", dialect.ReportCode, false)
	has("8.0.11-TiDB-v8.5.1", dialect.ReportUnknown, false)
	has("8.0.30-Vitess", dialect.ReportUnknown, false)
}

func TestDialectsNameThemselves(t *testing.T) {
	t.Parallel()
	for i, want := range []string{"sqlite", "postgres", "mysql", "mariadb"} {
		if d := all()[i]; d.Name() != want || d.Version() != "" {
			t.Errorf("dialect %d is %q at version %q, want %q, which nobody asked", i, d.Name(), d.Version(), want)
		}
	}
}
