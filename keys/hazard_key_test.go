package keys_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"hash/adler32"
	"strings"
	"testing"

	"github.com/goupsert/upsert/internal/lab"
	"github.com/goupsert/upsert/keys"
)

// The tests of this file check the identity of keys and requests: K9, K10, K13, K14, K20 to K22, K34.

func fingerprint(l *hazardLab, body string) keys.Fingerprint {
	l.lab.Helper()
	fp, err := keys.FingerprintOf(json.RawMessage(body), "sent")
	if err != nil {
		l.lab.Fatalf("FingerprintOf: %v", err)
	}
	return fp
}

func TestHazard_K9_FingerprintOfWhatIsMeant(t *testing.T) {
	t.Parallel()
	const first, again = `{"amount": 10, "to": "bob", "sent": "10:00"}`, `{"sent":"10:05","to":"bob","amount":1e1}`
	hazards(t, lab.All, func(l *hazardLab) {
		if keys.FingerprintBytes([]byte(first)) == keys.FingerprintBytes([]byte(again)) {
			l.lab.Errorf("hazard: the texts of one request sent twice have one hash; want two")
		}
		run := func(fp keys.Fingerprint) string {
			return told(keys.Run(l.lab.Context(), l.open(l.lab.DB), hazardKey("a"), fp, effect("a")))
		}
		l.lab.Want("the request", run(fingerprint(l, first)), "ran a")
		l.lab.Want("the request, sent again in other words", run(fingerprint(l, again)), "replayed a")
		l.lab.Want("the request, not compared", run(keys.Fingerprint{}), "replayed a")
		l.lab.Want("the stored version", l.lab.Text("SELECT fingerprint_version FROM idempotency_keys"), 1)

		l.lab.Exec("UPDATE idempotency_keys SET fingerprint_version = 2")
		_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey("a"), fingerprint(l, first), effect("a"))
		l.lab.WantErr("a fingerprint of another version", err, nil, "version 1", "version 2")
		if errors.Is(err, keys.ErrMismatch) {
			l.lab.Errorf("a fingerprint of another version: %v; want no ErrMismatch, because it cannot be compared", err)
		}
		l.lab.Want("effects", l.effects("a"), 1)
	})
}

func TestHazard_K10_FingerprintIsNoPartOfTheKey(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k VARCHAR(99) PRIMARY KEY)", "INSERT INTO naive VALUES ('key, 10 to bob')", "INSERT INTO naive VALUES ('key, 11 to bob')")
		l.lab.Want("hazard: executions under one key that has the request in it", l.lab.Text("SELECT COUNT(*) FROM naive"), 2)

		ten, eleven := fingerprint(l, `{"amount": 10}`), fingerprint(l, `{"amount": 11}`)
		run := func(fp keys.Fingerprint) (string, error) {
			got, replayed, err := keys.Run(l.lab.Context(), l.open(l.lab.DB), hazardKey("a"), fp, effect("a"))
			return told(got, replayed, err), err
		}
		got, _ := run(ten)
		l.lab.Want("the request", got, "ran a")
		_, err := run(eleven)
		l.lab.WantErr("another request with its key", err, keys.ErrMismatch, "lab/do/a")
		tx := l.Begin(nil)
		_, _, err = keys.Once(l.lab.Context(), l.store, tx, hazardKey("a"), eleven, effect("a"))
		l.lab.WantErr("another request with its key, in Once", err, keys.ErrMismatch)
		l.lab.Commit(tx)
		got, _ = run(ten)
		l.lab.Want("the request again", got, "replayed a")
		l.lab.Want("effects", l.effects("a"), 1)
		if info, err := l.store.Inspect(l.lab.Context(), hazardKey("a")); err != nil || info.Fingerprint != ten {
			l.lab.Errorf("Inspect: %+v, err %v; want the first request's fingerprint", info, err)
		}
	})
}

func TestHazard_K13_ScopesDoNotMeet(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (id VARCHAR(9) PRIMARY KEY, result VARCHAR(99))", "INSERT INTO naive VALUES ('1', 'to alice: balance 5')")
		l.lab.Want("hazard: what bob gets for his first request", l.lab.Text("SELECT result FROM naive WHERE id = '1'"), "to alice: balance 5")

		for _, who := range []string{"alice", "bob"} {
			for _, want := range []string{"ran ", "replayed "} {
				k := keys.Key{Scope: who, Op: "pay", ID: "1"}
				l.lab.Want("the first request of "+who, told(keys.Run(l.lab.Context(), l.open(l.lab.DB), k, keys.Fingerprint{}, effect(who))), want+who)
			}
		}
		k := keys.Key{Op: "pay", ID: "1"}
		_, _, err := keys.Run(l.lab.Context(), l.store, k, keys.Fingerprint{}, effect("nobody"))
		l.lab.WantErr("Run without a scope", err, nil, "Scope is empty")
		l.lab.Want("effects of it", l.effects("nobody"), 0)
	})
}

func TestHazard_K14_OneKeyEndToEnd(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		l.lab.Exec("CREATE TABLE naive (k VARCHAR(9) PRIMARY KEY)", "INSERT INTO naive VALUES ('key')", "DELETE FROM naive WHERE k = ' key'")
		l.lab.Want("hazard: rows, stored under a trimmed header, after they were removed by the raw one", l.lab.Text("SELECT COUNT(*) FROM naive"), 1)

		k := keys.Key{Scope: " Lab\x00", Op: "Größe ", ID: strings.Repeat("\xff", 255)}
		l.lab.Want("Run", told(keys.Run(l.lab.Context(), l.store, k, keys.Fingerprint{}, effect("a"))), "ran a")
		info, err := l.open(l.lab.DB).Inspect(l.lab.Context(), k)
		if err != nil || info.State != keys.StateDone || string(info.Result) != `"a"` || info.Key != k {
			l.lab.Fatalf("Inspect: %+v, err %v; want what Run has stored", info, err)
		}
		l.expire()
		l.lab.Want("keys removed by GC", l.gc(l.open(l.lab.DB)), 1)
		if _, err := l.store.Inspect(l.lab.Context(), k); !errors.Is(err, keys.ErrNotFound) {
			l.lab.Errorf("Inspect after GC: %v, want ErrNotFound", err)
		}
	})
}

// naiveNull stores two requests with a NULL key. The database accepts both without an error.
func naiveNull(l *hazardLab) {
	l.lab.Helper()
	switch l.lab.Family() {
	case "postgres":
		insert := "INSERT INTO naive VALUES (NULL, 'a') ON CONFLICT (tenant, k) DO NOTHING"
		l.lab.Exec("CREATE TABLE naive (tenant TEXT, k TEXT, UNIQUE (tenant, k))", insert, insert)
		l.lab.Want("hazard: rows of one key", l.lab.Text("SELECT COUNT(*) FROM naive"), 2)
	case "sqlite":
		insert := "INSERT INTO naive VALUES (NULL) ON CONFLICT (k) DO NOTHING"
		l.lab.Exec("CREATE TABLE naive (k TEXT PRIMARY KEY)", insert, insert)
		l.lab.Want("hazard: rows of one key", l.lab.Text("SELECT COUNT(*) FROM naive"), 2)
	default:
		l.lab.Exec("CREATE TABLE naive (k VARCHAR(9) NOT NULL PRIMARY KEY)", "INSERT IGNORE INTO naive VALUES (NULL)")
		l.lab.Want("hazard: the key that no key became", l.lab.Text("SELECT CONCAT('<', k, '>') FROM naive"), "<>")
	}
}

func TestHazard_K20_NullAndEmpty(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		naiveNull(l)
		l.run(l.store, "a")
		code := map[string]string{"postgres": "23502", "sqlite": "1299", "mysql": "1048"}[l.lab.Family()]
		for _, column := range []string{"key_hash", "scope", "op", "id", "owner"} {
			l.lab.Fails(l.lab.DB, code, "UPDATE idempotency_keys SET "+column+" = NULL")
		}
		for part, k := range map[string]keys.Key{"Scope": {Op: "o", ID: "i"}, "Op": {Scope: "s", ID: "i"}, "ID": {Scope: "s", Op: "o"}} {
			_, _, err := keys.Run(l.lab.Context(), l.store, k, keys.Fingerprint{}, effect("b"))
			l.lab.WantErr("Run", err, nil, part+" is empty")
			tx := l.Begin(nil)
			_, _, err = keys.Once(l.lab.Context(), l.store, tx, k, keys.Fingerprint{}, effect("b"))
			l.lab.WantErr("Once", err, nil, part+" is empty")
			_ = tx.Rollback()
			_, err = l.store.Inspect(l.lab.Context(), k)
			l.lab.WantErr("Inspect", err, nil, part+" is empty")
		}
		_, err := l.filter(l.store, l.Begin(nil), "a", "")
		l.lab.WantErr("Filter", err, nil, "number 1", "is empty")
		_, err = l.store.Fail(l.lab.Context(), "", "", nil)
		l.lab.WantErr("Fail", err, nil, "consumer is empty", "identity is empty")
		var none *string
		_, err = keys.Derive("s", "o", none)
		l.lab.WantErr("Derive", err, nil, "part 1", "NULL")
		l.lab.Want("effects", l.effects("b"), 0)
	})
}

// naiveText has the database treat two keys as equal, so that one request is lost.
func naiveText(l *hazardLab) {
	l.lab.Helper()
	long := strings.Repeat("x", 64)
	switch l.lab.Family() {
	case "postgres":
		l.lab.Exec("CREATE TABLE naive (k VARCHAR(64) PRIMARY KEY)", "INSERT INTO naive VALUES (CAST('"+long+"1' AS VARCHAR(64)))",
			"INSERT INTO naive VALUES (CAST('"+long+"2' AS VARCHAR(64))) ON CONFLICT (k) DO NOTHING")
		l.lab.Want("hazard: rows of two long keys", l.lab.Text("SELECT COUNT(*) FROM naive"), 1)
	case "sqlite":
		l.lab.Exec("CREATE TABLE naive (k TEXT COLLATE NOCASE PRIMARY KEY)", "INSERT INTO naive VALUES ('Abc')", "INSERT INTO naive VALUES ('abc') ON CONFLICT (k) DO NOTHING")
		l.lab.Want("hazard: rows of two keys", l.lab.Text("SELECT COUNT(*) FROM naive"), 1)
	default:
		l.lab.Exec("CREATE TABLE naive (k VARCHAR(64) PRIMARY KEY)", "INSERT IGNORE INTO naive VALUES ('abc')", "INSERT IGNORE INTO naive VALUES ('Abc')",
			"INSERT IGNORE INTO naive VALUES ('abc ')", "INSERT IGNORE INTO naive VALUES ('"+long+"1')", "INSERT IGNORE INTO naive VALUES ('"+long+"2')")
		want := 2
		if l.lab.NS.Engine().Name() == "mysql" { // since version 8 the default collation of MySQL does not pad
			want = 3
		}
		l.lab.Want("hazard: rows of five keys", l.lab.Text("SELECT COUNT(*) FROM naive"), want)
	}
}

func TestHazard_K21_CollationPaddingAndLength(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		naiveText(l)
		long := strings.Repeat("x", 254)
		ids := []string{"abc", "Abc", "ABC", "abc ", " abc", "abc\t", "äbc", "a\u0308bc", "ª", "a", long + "1", long + "2", long}
		wantApart(l, ids)
		for _, k := range []keys.Key{{Scope: "LAB", Op: "do", ID: "abc"}, {Scope: "lab ", Op: "do", ID: "abc"}, {Scope: "lab", Op: "DO", ID: "abc"}} {
			l.lab.Want("another scope or op", told(keys.Run(l.lab.Context(), l.store, k, keys.Fingerprint{}, effect("x"))), "ran x")
		}
		_, _, err := keys.Run(l.lab.Context(), l.store, hazardKey(long+"12"), keys.Fingerprint{}, effect("x"))
		l.lab.WantErr("a part of 256 bytes", err, nil, "256 bytes", "Derive")
	})
}

// wantApart wants each of the ids to be a separate key and a separate message.
func wantApart(l *hazardLab, ids []string) {
	l.lab.Helper()
	for _, want := range []string{"ran ", "replayed "} {
		s := l.open(l.lab.DB)
		for _, id := range ids {
			l.lab.Want("Run of "+id, told(keys.Run(l.lab.Context(), s, hazardKey(id), keys.Fingerprint{}, effect("x"))), want+"x")
		}
	}
	for _, want := range []int{len(ids), 0} {
		tx := l.Begin(nil)
		fresh, err := l.filter(l.store, tx, ids...)
		if err != nil || len(fresh) != want {
			l.lab.Errorf("Filter: %q, err %v; want %d fresh messages", fresh, err, want)
		}
		l.lab.Commit(tx)
	}
	l.lab.Want("rows", l.lab.Text("SELECT COUNT(*) FROM idempotency_keys"), 2*len(ids))
}

func TestHazard_K22_NULAndWhereAPartEnds(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		switch l.lab.Family() {
		case "postgres":
			l.lab.Exec("CREATE TABLE naive (k TEXT)")
			l.lab.Fails(l.lab.DB, "22021", "INSERT INTO naive VALUES ($1)", "a\x00b")
		case "sqlite":
			l.lab.Want("hazard: the length of a text of three bytes", l.lab.Text("SELECT length(CAST(x'610062' AS TEXT))"), 1)
		}
		wantApart(l, []string{"a", "a\x00", "a\x00b", "\x00", "\xff", `\xff`, "\xff\xfe", `a\x00b`, `"`, `\`, "'", "\n", "%", "?", "$1", ":a"})
		var copies int
		if err := l.lab.DB.GetContext(l.lab.Context(), &copies, l.lab.DB.Rebind("SELECT COUNT(*) FROM idempotency_keys WHERE op = 'do' AND id = ?"), `a\x00b`); err != nil || copies != 1 {
			l.lab.Errorf("rows whose readable copy is that of one key: %d, err %v; want 1", copies, err)
		}

		parts := []keys.Key{{Scope: "ab", Op: "c", ID: "d"}, {Scope: "a", Op: "bc", ID: "d"}, {Scope: "a", Op: "b", ID: "cd"}, {Scope: "a\x00b", Op: "c", ID: "d"}, {Scope: "a", Op: "b\x00c", ID: "d"}}
		for _, k := range parts {
			l.lab.Want("Run of "+k.String(), told(keys.Run(l.lab.Context(), l.store, k, keys.Fingerprint{}, effect("x"))), "ran x")
		}
	})
}

func TestHazard_K34_HashIsSHA256(t *testing.T) {
	t.Parallel()
	hazards(t, lab.All, func(l *hazardLab) {
		if adler32.Checksum([]byte("bab")) != adler32.Checksum([]byte("aca")) {
			l.lab.Errorf("hazard: Adler-32 differs for bab and aca; want equal checksums")
		}
		wantApart(l, []string{"bab", "aca"})
		var stored []byte
		if err := l.lab.DB.GetContext(l.lab.Context(), &stored, "SELECT key_hash FROM idempotency_keys WHERE op = 'do' AND id = 'bab'"); err != nil {
			l.lab.Fatalf("the stored hash: %v", err)
		}
		want := sha256.Sum256([]byte("\x01\x00\x00\x00\x00\x03lab\x00\x00\x00\x02do\x00\x00\x00\x03bab"))
		l.lab.Want("the stored hash of a key", stored, want[:])
		if err := l.lab.DB.GetContext(l.lab.Context(), &stored, "SELECT key_hash FROM idempotency_keys WHERE op = '' AND id = 'bab'"); err != nil {
			l.lab.Fatalf("the stored hash: %v", err)
		}
		want = sha256.Sum256([]byte("\x01\x01\x00\x00\x00\x03lab\x00\x00\x00\x03bab"))
		l.lab.Want("the stored hash of a message", stored, want[:])
	})
}
