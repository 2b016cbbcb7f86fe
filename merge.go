package upsert

import (
	"encoding/json"
	"errors"
	"strings"
)

// patchText returns a patch as text, for some databases take no bytes for JSON. It refuses what is none, which some would
// take for NULL.
func patchText(v any) (any, error) {
	text, ok := v.(string)
	if b, isBytes := v.([]byte); isBytes {
		text, ok = string(b), true
	}
	switch {
	case !ok:
		return v, nil
	case !json.Valid([]byte(text)):
		return nil, errors.New("it is no JSON document, so it cannot be merged")
	}
	return text, nil
}

// removesMembers reports whether a merge patch has a null member, which removes the stored one (RFC 7396, section 1). A
// null inside an array is a value like any other.
func removesMembers(v any) bool {
	text, ok := v.(string)
	if !ok || !strings.Contains(text, "null") {
		return false
	}
	var doc any
	return json.Unmarshal([]byte(text), &doc) == nil && hasNullMember(doc)
}

func hasNullMember(doc any) bool {
	members, _ := doc.(map[string]any)
	for _, m := range members {
		if m == nil || hasNullMember(m) {
			return true
		}
	}
	return false
}
