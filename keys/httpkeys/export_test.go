package httpkeys

// ParseKey, and the form of a stored response, for fuzzing.
var ParseKey = parseKey

// Recode decodes a stored response and encodes it again.
func Recode(data []byte) ([]byte, error) {
	r, err := decodeRecord(data)
	if err != nil {
		return nil, err
	}
	return r.encode(), nil
}
