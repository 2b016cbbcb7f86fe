package importer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// jsonCell is the cell of one JSON value, or what is wrong with that value.
func jsonCell(raw json.RawMessage) (c cell, problem string) {
	switch raw[0] {
	case 'n':
		return cell{token: tokenNull}, ""
	case 't', 'f':
		return cell{text: string(raw), token: tokenBool}, ""
	case '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return cell{}, err.Error()
		}
		return cell{text: s, token: tokenString}, stringProblem(s, raw)
	case '{', '[':
		if problem := nestedProblem(raw); problem != "" {
			return cell{}, problem
		}
		var b bytes.Buffer
		if err := json.Compact(&b, raw); err != nil {
			return cell{}, err.Error()
		}
		return cell{text: b.String(), token: tokenNested}, ""
	}
	return cell{text: string(raw), token: tokenNumber}, ""
}

// stringProblem refuses a string that encoding/json has changed: it turns half of a surrogate pair into U+FFFD.
func stringProblem(s string, raw []byte) string {
	if problem := checkText(s); problem != "" {
		return problem
	}
	const replacement = "\uFFFD"
	got := strings.Count(s, replacement)
	if got == 0 {
		return ""
	}
	if written := bytes.Count(raw, []byte(replacement)) + bytes.Count(bytes.ToLower(raw), []byte(`\ufffd`)); got > written {
		return "half of a surrogate pair: this is not text"
	}
	return ""
}

// nestedProblem looks into an object or array for what the top level refuses too.
func nestedProblem(raw []byte) string {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var text strings.Builder
	if problem := walk(dec, &text); problem != "" {
		return problem
	}
	return stringProblem(text.String(), raw)
}

// walk reads one value, refuses duplicate names in it and collects its text.
func walk(dec *json.Decoder, text *strings.Builder) string {
	tok, err := dec.Token()
	if err != nil {
		return err.Error()
	}
	if s, ok := tok.(string); ok {
		text.WriteString(s)
	}
	open, ok := tok.(json.Delim)
	if !ok {
		return ""
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			if problem := walkName(dec, text, seen); problem != "" {
				return problem
			}
		}
		if problem := walk(dec, text); problem != "" {
			return problem
		}
	}
	if _, err := dec.Token(); err != nil {
		return err.Error()
	}
	return ""
}

func walkName(dec *json.Decoder, text *strings.Builder, seen map[string]bool) string {
	tok, err := dec.Token()
	if err != nil {
		return err.Error()
	}
	name, _ := tok.(string)
	if seen[name] {
		return fmt.Sprintf("name %q is there twice in it", name)
	}
	seen[name] = true
	text.WriteString(name)
	return ""
}
