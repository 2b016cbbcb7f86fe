package upserttest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// idDomain is one kind of generated ids: the column that generates them, and the columns that refer to it.
type idDomain []string // each "table.column"

// label gives the ids of each domain names that come from the rows that have them and not from their values. Two databases that
// differ only in the values of generated ids have equal labels then. The label of an id is refined from round to round by the
// labels of the other ids in its rows, until no round tells more ids apart.
func (s snapshot) label(o *options) {
	if len(o.ids) == 0 {
		return
	}
	domainOf := map[string]int{}
	for i, d := range o.ids {
		for _, column := range d {
			domainOf[column] = i + 1
		}
	}
	labels := map[id]string{}
	for distinct := -1; ; {
		next := s.refine(o, domainOf, labels)
		n := map[string]bool{}
		for _, l := range next {
			n[l] = true
		}
		labels = next
		if len(n) == distinct {
			break
		}
		distinct = len(n)
	}
	s.eachID(domainOf, func(t *table, row []cell, i, domain int) {
		row[i].label = labels[id{domain, row[i].text}]
	})
}

// id is a value in a domain.
type id struct {
	domain int
	text   string
}

func (s snapshot) eachID(domainOf map[string]int, f func(t *table, row []cell, i, domain int)) {
	for _, t := range s {
		for i, column := range t.columns {
			domain := domainOf[t.name+"."+column]
			if domain == 0 {
				continue
			}
			for _, row := range t.rows {
				if row[i].kind != "" {
					f(t, row, i, domain)
				}
			}
		}
	}
}

// refine returns the labels of the next round: for each id, everything that is said of it anywhere.
func (s snapshot) refine(o *options, domainOf map[string]int, labels map[id]string) map[id]string {
	said := map[id][]string{}
	ignored := map[*table][]bool{}
	for _, t := range s {
		ignored[t] = o.ignores(t)
	}
	s.eachID(domainOf, func(t *table, row []cell, i, domain int) {
		var b strings.Builder
		fmt.Fprintf(&b, "%s.%s", t.name, t.columns[i])
		for j, c := range row {
			d := domainOf[t.name+"."+t.columns[j]]
			if ignored[t][j] {
				continue
			}
			if d != 0 && c.kind != "" {
				fmt.Fprintf(&b, "|#%d:%s", d, labels[id{d, c.text}])
				continue
			}
			fmt.Fprintf(&b, "|%s:%q", c.kind, c.text)
		}
		key := id{domain, row[i].text}
		said[key] = append(said[key], b.String())
	})
	next := map[id]string{}
	for key, texts := range said {
		slices.Sort(texts)
		sum := sha256.Sum256([]byte(strings.Join(texts, "\n")))
		next[key] = hex.EncodeToString(sum[:8])
	}
	return next
}
