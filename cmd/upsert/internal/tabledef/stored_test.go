package tabledef

import "testing"

func TestSplitTable(t *testing.T) {
	t.Parallel()
	for table, want := range map[string][2]string{
		"items": {"", "items"}, "shop.items": {"shop", "items"}, `"shop.items"`: {"", "shop.items"}, `s."a""b.c"`: {"s", `a"b.c`},
		`"a.b".c`: {"a.b", "c"}, "Some Zones": {"", "Some Zones"}, "a.b.c": {"", "a.b.c"},
	} {
		if schema, name := SplitTable(table); schema != want[0] || name != want[1] {
			t.Errorf("%s is %q and %q; want %q", table, schema, name, want)
		}
	}
}
