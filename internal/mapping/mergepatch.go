package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// CheckPatch refuses a patch that is not a JSON document, because some databases would take the patch for NULL. It also refuses a
// patch that means different things to different databases.
func CheckPatch(text string) error {
	if !json.Valid([]byte(text)) {
		return errors.New("it is not a JSON document, so it cannot be merged")
	}
	if name, twice := repeatedName(text); twice {
		return fmt.Errorf("it has the name %q twice in one object, of which each database takes another one: leave one out", name)
	}
	return nil
}

// repeatedName returns a name that occurs twice in one object of a valid document.
func repeatedName(text string) (name string, twice bool) {
	type object map[string]bool
	var open []object // nil for an array
	isName := false
	for d := json.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if err != nil {
			return "", false
		}
		last := len(open) - 1
		switch token := token.(type) {
		case json.Delim:
			switch token {
			case '{':
				open = append(open, object{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:last]
			}
		case string:
			if isName {
				if open[last][token] {
					return token, true
				}
				open[last][token] = true
				isName = false
				continue
			}
		}
		isName = len(open) > 0 && open[len(open)-1] != nil
	}
}

// RemovesMembers reports whether a merge patch has a null member, which removes the stored member (RFC 7396, section 1). A null
// inside an array is an ordinary value.
func RemovesMembers(text string) bool {
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
