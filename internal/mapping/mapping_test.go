package mapping_test

import (
	"database/sql"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goupsert/upsert/internal/mapping"
	"github.com/jmoiron/sqlx/reflectx"
)

type (
	Audit struct {
		CreatedAt time.Time `db:"created_at"`
		CreatedBy string    `db:"created_by"`
	}
	Address struct {
		Street string
		City   string `db:"town"`
	}
	Person struct {
		Keyed
		Name string
		Home Address `db:"home"`
		Work *Address
	}
	audit  struct{ By, Why string }
	Deeper struct {
		One struct {
			Two struct {
				Three struct{ Four int } `db:"drei"`
			}
		}
	}
	skipped struct {
		ID    int64 `upsert:"key"`
		Later int   `db:"-"`
		plain int   //nolint:unused // what is not exported is no column
		Last  string
	}
	options struct {
		ID   int64  `db:"id,primarykey" upsert:"key"`
		Name string `db:"name,size=40"`
	}
)

// sqlxNames returns the columns that sqlx scans into for a type: what has a name and is not a struct of columns. dropped
// are the paths of columns that have fields of their own, as sql.NullString has.
func sqlxNames(m *reflectx.Mapper, t reflect.Type) []string {
	var names []string
	mapped := m.TypeMap(t)
	for name, fi := range mapped.Names {
		inside := false
		for p := fi.Parent; p != nil && p.Field.Type != nil; p = p.Parent {
			inside = inside || isLeaf(p.Field.Type)
		}
		if !inside && isLeaf(fi.Field.Type) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// isLeaf is this test's own idea of what is one column: what is no struct, or what sqlx can scan into.
func isLeaf(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	_, scans := reflect.New(t).Interface().(sql.Scanner)
	return t.Kind() != reflect.Struct || scans || t == reflect.TypeFor[time.Time]()
}

func TestMappingIsSqlx(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]reflect.Type{
		"all kinds":        reflect.TypeFor[allKinds](),
		"embedded, nested": reflect.TypeFor[Person](),
		"embedded": reflect.TypeFor[struct {
			Keyed
			Audit
			N int
		}](),
		"embedded pointer": reflect.TypeFor[struct {
			ID int
			*Audit
		}](),
		"embedded unexported": reflect.TypeFor[struct {
			ID int
			audit
		}](),
		"tagged embedded": reflect.TypeFor[struct {
			ID    int
			Audit `db:"audit"`
		}](),
		"tagged embedded pointer": reflect.TypeFor[struct {
			ID     int
			*Audit `db:"audit"`
		}](),
		"embedded in an embedded": reflect.TypeFor[struct{ Outer }](),
		"nested in a nested":      reflect.TypeFor[Deeper](),
		"pointer in a pointer": reflect.TypeFor[struct {
			ID  int
			Who *struct{ At *Address }
		}](),
		"left out":  reflect.TypeFor[skipped](),
		"options":   reflect.TypeFor[options](),
		"same type": reflect.TypeFor[struct{ A, B Address }](),
		"dotted name": reflect.TypeFor[struct {
			ID int `db:"a.b.c"`
		}](),
		"odd names": reflect.TypeFor[struct {
			A int `db:"Größe"`
			B int `db:"select"`
			C int `db:"with \"quotes\" and blanks"`
			D int `db:"'; DROP TABLE t"`
		}](),
		"other tags": reflect.TypeFor[struct {
			A int `json:"x" xml:"y"`
			B int `json:"-"`
		}](),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := mapping.OfStruct(row, nil)
			if err != nil {
				t.Fatal(err)
			}
			same(t, p, sqlxMapper(), row)
		})
	}
}

// Outer embeds what embeds.
type Outer struct {
	Person
	N int
}

// same compares a mapping's names with sqlx's, and where they lead to.
func same(t *testing.T, p *mapping.Mapping, m *reflectx.Mapper, row reflect.Type) {
	t.Helper()
	got := slices.Sorted(slices.Values(columnNames(p)))
	if want := sqlxNames(m, row); !slices.Equal(got, want) {
		t.Errorf("columns\n%q\nsqlx has\n%q", got, want)
	}
	v := reflect.New(row).Elem()
	for _, c := range p.Columns {
		dest := reflect.ValueOf(c.ScanTarget(v))
		field := m.FieldByName(v, c.Name)
		if dest.Type() == reflect.PointerTo(field.Type()) && dest.Pointer() != field.Addr().Pointer() {
			t.Errorf("column %q is filled in another field than sqlx fills", c.Name)
		}
	}
}

func TestMappingFollowsTheMapper(t *testing.T) {
	t.Parallel()
	type row struct {
		ID     int64  `json:"identity,omitempty" db:"id" upsert:"key"`
		Name   string `json:"fullName"`
		Secret string `json:"-"`
		Plain  int
		Home   Address `json:"home"`
	}
	for name, m := range map[string]*reflectx.Mapper{
		"json tags":     reflectx.NewMapperFunc("json", strings.ToLower),
		"upper case":    reflectx.NewMapperFunc("db", strings.ToUpper),
		"names as is":   reflectx.NewMapper("db"),
		"no tags":       reflectx.NewMapper(""),
		"tags mapped":   reflectx.NewMapperTagFunc("json", strings.ToUpper, strings.ToUpper),
		"sqlx's own":    sqlxMapper(),
		"names changed": reflectx.NewMapperFunc("db", func(s string) string { return "c_" + strings.ToLower(s) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := mapping.OfStruct(reflect.TypeFor[row](), m)
			if err != nil {
				t.Fatal(err)
			}
			same(t, p, m, reflect.TypeFor[row]())
		})
	}
}

func TestColumnsComeInTheOrderOfFields(t *testing.T) {
	t.Parallel()
	p, err := planOf[Person]()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := columnNames(p), []string{"id", "name", "home.street", "home.town", "work.street", "work.town"}; !slices.Equal(got, want) {
		t.Errorf("columns %q, want %q", got, want)
	}
	var fields []string
	for _, c := range p.Columns {
		fields = append(fields, c.Field)
	}
	if want := []string{"Keyed.ID", "Name", "Home.Street", "Home.City", "Work.Street", "Work.City"}; !slices.Equal(fields, want) {
		t.Errorf("fields %q, want %q", fields, want)
	}
}

func TestPlanIsKept(t *testing.T) {
	t.Parallel()
	a, errA := planOf[Person]()
	b, errB := planOf[Person]()
	if errA != nil || errB != nil || a != b {
		t.Errorf("two plans of one type: %p, %v and %p, %v, want the same", a, errA, b, errB)
	}
}

func TestColumnsKnowTheirTargets(t *testing.T) {
	t.Parallel()
	p, err := planOf[struct {
		ID    int64  `upsert:"key"`
		Shop  string `upsert:"key=order,keep"`
		No    int64  `upsert:"key=order,key=number"`
		Both  string `upsert:"key,key=number"`
		Other int
	}]()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{{""}, {"order"}, {"order", "number"}, {"", "number"}, nil} {
		got := slices.Sorted(slices.Values(p.Columns[i].Targets))
		if !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("column %s is in the targets %q, want %q", p.Columns[i].Name, got, want)
		}
	}
}

func TestIndex(t *testing.T) {
	t.Parallel()
	p, err := planOf[Person]()
	if err != nil {
		t.Fatal(err)
	}
	if p.Index("home.town") != 3 || p.Index("ID") != -1 || p.IsMap() {
		t.Errorf("Index(home.town) = %d, Index(ID) = %d, IsMap() = %v; want 3, -1, false", p.Index("home.town"), p.Index("ID"), p.IsMap())
	}
}
