package conformance

import (
	"fmt"
	"reflect"
	"strings"
)

// show formats a value for a failure text and follows pointers.
func show(v any) string { return showValue(reflect.ValueOf(v)) }

func showValue(v reflect.Value) string {
	switch {
	case !v.IsValid():
		return "nil"
	case v.Kind() == reflect.Pointer && v.IsNil():
		return "NULL"
	case v.Kind() == reflect.Pointer:
		return showValue(v.Elem())
	}
	if _, ok := v.Interface().(fmt.Stringer); ok || v.Kind() != reflect.Struct {
		if v.Kind() == reflect.String || v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			return fmt.Sprintf("%q", v.Interface())
		}
		return fmt.Sprint(v.Interface())
	}
	var parts []string
	for i := range v.NumField() {
		parts = append(parts, v.Type().Field(i).Name+": "+showValue(v.Field(i)))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
