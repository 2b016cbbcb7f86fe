package upsert

import (
	"encoding/json"
	"errors"
	"strings"
)

// checkPatch refuses a patch that is no document, which some databases would take for NULL.
func checkPatch(text string) error {
	if !json.Valid([]byte(text)) {
		return errors.New("it is no JSON document, so it cannot be merged")
	}
	return nil
}

// removesMembers reports whether a merge patch has a null member, which removes the stored one (RFC 7396, section 1). A
// null inside an array is a value like any other.
func removesMembers(text string) bool {
	if !strings.Contains(text, "null") {
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
