package importer

import (
	"strings"
	"unicode/utf8"
)

// checkText refuses what not every database stores unchanged. PostgreSQL has no NUL in text; a program that wrote it
// elsewhere would give another table there.
func checkText(s string) (problem string) {
	if !utf8.ValidString(s) {
		return "invalid UTF-8: " + quoteShort(s)
	}
	if strings.IndexByte(s, 0) >= 0 {
		return "a NUL byte in text: " + quoteShort(s)
	}
	return ""
}

// quoteShort quotes a value for an error message, which a value of a megabyte must not fill.
func quoteShort(s string) string {
	const limit = 40
	if len(s) <= limit {
		return quote(s)
	}
	cut := limit
	for cut > limit-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return quote(s[:cut]) + "…"
}
