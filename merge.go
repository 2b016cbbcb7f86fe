package upsert

import (
	"bytes"
	"encoding/json"
	"errors"
)

// checkJSON refuses a patch that some databases would take for NULL.
func checkJSON(v any) error {
	if text, ok := jsonText(v); ok && !json.Valid(text) {
		return errors.New("it is no JSON document, so it cannot be merged")
	}
	return nil
}

func jsonText(v any) (text []byte, ok bool) {
	switch v := v.(type) {
	case string:
		return []byte(v), true
	case []byte:
		return v, v != nil
	}
	return nil, false
}

// removesMembers reports whether a merge patch has a null member, which removes the stored one (RFC 7396, section 1). A
// null inside an array is a value like any other.
func removesMembers(v any) bool {
	text, ok := jsonText(v)
	if !ok || !bytes.Contains(text, []byte("null")) {
		return false
	}
	var doc any
	return json.Unmarshal(text, &doc) == nil && hasNullMember(doc)
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
