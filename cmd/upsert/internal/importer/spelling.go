package importer

import (
	"cmp"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// spelling returns the one spelling of a value, or what is wrong with the value.
type spelling func(text string) (one, problem string)

// spellingOf is nil for types that have one spelling for each value, and for those that the library sees to: it refuses two
// spellings in one file.
func (f family) spellingOf(typeName string, l limits) spelling {
	switch {
	case f == familySQLite && hasNumericAffinity(typeName):
		return spellAffinity
	case f == familySQLite:
		return nil
	}
	switch typeName {
	case "NUMERIC", "DECIMAL":
		return l.spellDecimal
	case "UNSIGNED BIGINT":
		return limits{scaled: true}.spellDecimal
	case "DATE":
		return spellDate
	case "TIME":
		return l.spellTime
	case "YEAR":
		return spellYear
	case "UUID":
		return spellUUID
	case "INET":
		return spellInet
	case "CIDR":
		return spellCidr
	case "INET6":
		return spellInet6
	case "INET4":
		return spellInet4
	case "MACADDR":
		return spellMAC
	}
	return nil
}

// hasNumericAffinity follows SQLite's rules: INTEGER, REAL and NUMERIC make numbers of text that looks like one.
func hasNumericAffinity(typeName string) bool {
	kind := sqliteKind(typeName)
	return typeName != "" && !strings.Contains(typeName, "BLOB") && kind != kindText && kind != kindJSON
}

// spellAffinity makes a number of what SQLite makes one of, and leaves other text.
func spellAffinity(text string) (string, string) {
	number := strings.Trim(text, " \t\n\v\f\r")
	plain, ok := plainDecimal(number)
	switch {
	case !ok && !decimal.MatchString(number):
		return text, ""
	case !ok || !isInteger(plain) && !exact(number):
		return "", "has more digits than the table's column keeps: it would be rounded to another key"
	}
	return plain, ""
}

func isInteger(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

func (l limits) spellDecimal(text string) (string, string) {
	plain, ok := plainDecimal(text)
	if !ok {
		return "", "is no decimal number"
	}
	if _, fraction, _ := strings.Cut(plain, "."); l.scaled && len(fraction) > l.scale {
		return "", tooFine(l.scale)
	}
	return plain, ""
}

// maxExponent bounds the zeros that plainDecimal writes.
const maxExponent = 1000

// plainDecimal writes a number without exponent, plus, and zeros that say nothing.
func plainDecimal(s string) (string, bool) {
	if !decimal.MatchString(s) {
		return "", false
	}
	mantissa, exponent, _ := strings.Cut(strings.ToLower(strings.TrimLeft(s, "+-")), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	shift := 0
	if exponent != "" {
		var err error
		if shift, err = strconv.Atoi(exponent); err != nil || max(shift, -shift) > maxExponent {
			return "", false
		}
	}
	zeros := strings.Repeat("0", max(shift, -shift))
	digits, point := zeros+whole+fraction+zeros, len(zeros)+len(whole)+shift
	whole, fraction = strings.TrimLeft(digits[:point], "0"), strings.TrimRight(digits[point:], "0")
	switch {
	case whole == "" && fraction == "":
		return "0", true
	case whole == "":
		whole = "0"
	}
	if s[0] == '-' {
		whole = "-" + whole
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole, true
}

// spellDate takes a time at midnight for its day.
func spellDate(text string) (string, string) {
	if text == "infinity" || text == "-infinity" {
		return text, ""
	}
	t, ok := parseTime(text)
	if !ok {
		return "", "is no date: write it as 2024-05-06"
	}
	if !t.Equal(t.Truncate(24 * time.Hour)) {
		return "", "has a time of day (in UTC), and the table's column keeps days: it would become another key"
	}
	return t.Format(time.DateOnly), ""
}

// clock has MySQL's times too, which may be negative and longer than a day.
var clock = regexp.MustCompile(`^(-?)(\d{1,3}):([0-5]\d)(?::([0-5]\d)(?:\.(\d+))?)?$`)

func (l limits) spellTime(text string) (string, string) {
	parts := clock.FindStringSubmatch(text)
	if parts == nil {
		return "", "is no time: write it as 07:08:09"
	}
	hours, fraction := strings.TrimLeft(parts[2], "0"), strings.TrimRight(parts[5], "0")
	if l.scaled && len(fraction) > l.scale {
		return "", tooFine(l.scale)
	}
	one := parts[1] + strings.Repeat("0", max(0, 2-len(hours))) + hours + ":" + parts[3] + ":" + cmp.Or(parts[4], "00")
	if fraction != "" {
		one += "." + fraction
	}
	if one == "-00:00:00" {
		one = one[1:]
	}
	return one, ""
}

var year = regexp.MustCompile(`^\d{4}$`)

func spellYear(text string) (string, string) {
	if !year.MatchString(text) {
		return "", "is no year of four digits"
	}
	return text, ""
}

var uuid = regexp.MustCompile(`^([0-9a-f]{4}-?){7}[0-9a-f]{4}$`)

func spellUUID(text string) (string, string) {
	s := strings.ToLower(text)
	if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") {
		s = s[1 : len(s)-1]
	}
	if !uuid.MatchString(s) {
		return "", "is no UUID"
	}
	s = strings.ReplaceAll(s, "-", "")
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-"), ""
}

// spellInet leaves out the length of a network that is one host.
func spellInet(text string) (string, string) {
	p, problem := parseNetwork(text)
	if problem != "" || !p.IsSingleIP() {
		return p.String(), problem
	}
	return p.Addr().String(), ""
}

func spellCidr(text string) (string, string) {
	p, problem := parseNetwork(text)
	return p.String(), problem
}

func parseNetwork(text string) (netip.Prefix, string) {
	p, err := netip.ParsePrefix(text)
	if err == nil {
		return p, ""
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return p, "is no address or network: write it as 10.0.0.1, 10.0.0.0/8 or ::1"
	}
	return netip.PrefixFrom(a, a.BitLen()), ""
}

// spellInet6 is for MariaDB, which keeps an IPv4 address in such a column as the IPv6 address that stands for it.
func spellInet6(text string) (string, string) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return "", "is no IPv6 address: write it as ::1"
	}
	return netip.AddrFrom16(a.As16()).String(), ""
}

func spellInet4(text string) (string, string) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return "", "is no IPv4 address: write it as 10.0.0.1"
	}
	return a.String(), ""
}

func spellMAC(text string) (string, string) {
	a, err := net.ParseMAC(text)
	if err != nil || len(a) != 6 {
		return "", "is no MAC address: write it as 08:00:2b:01:02:03"
	}
	return a.String(), ""
}
