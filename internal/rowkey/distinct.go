package rowkey

import (
	"slices"
	"strings"
)

// IsDistinctIn reports whether different values of the column stay different when they are stored in a PostgreSQL column. base
// is the column's type, and exact is the type with its modifiers. Values can become equal: an integer as text can have leading
// zeros, a time can be rounded, a char is padded. For a type that is not known here IsDistinctIn returns false.
func (k *Column) IsDistinctIn(base, exact string) bool {
	switch k.kind {
	case intKey:
		return slices.Contains([]string{"int2", "int4", "int8"}, base) || base == "numeric" && !strings.Contains(exact, ",-")
	case floatKey:
		return base == "float8" || exact == "numeric"
	case boolKey:
		return base == "bool"
	case bytesKey:
		return base == "bytea"
	case timeKey:
		return exact == "timestamp with time zone" || exact == "timestamp without time zone" && k.inUTC()
	case textKey:
		return slices.Contains([]string{"text", "varchar", "citext", "enum"}, base) || base == "uuid" && !slices.ContainsFunc(k.texts, notCanonicalUUID)
	}
	return false
}

func (k *Column) inUTC() bool {
	for _, at := range k.times {
		if _, offset := at.Zone(); offset != 0 {
			return false
		}
	}
	return true
}

// notCanonicalUUID reports whether a text is not a UUID in the form of RFC 9562, section 4, in lower case, the only form that
// PostgreSQL returns.
func notCanonicalUUID(s string) bool {
	if len(s) != 36 {
		return true
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hex := s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f'
		if dash != (s[i] == '-') || !dash && !hex {
			return true
		}
	}
	return false
}
