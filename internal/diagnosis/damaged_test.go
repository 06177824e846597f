package diagnosis_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/rule/specimen"
)

// A snapshot may come from another machine, another version or a text editor:
// whatever a value in it is, it is judged. Each value of each specimen is
// replaced, one at a time.
func TestNoSnapshotMakesTheJudgePanic(t *testing.T) {
	for _, x := range specimen.All() {
		s := x.Ill()
		walk(t, x.Code, reflect.ValueOf(s).Elem(), "", func() { judged(s) })
	}
}

// odd are texts that have broken programs which cut texts at a place found in another.
var odd = []string{"", ":", "[", strings.Repeat("Ⱥ", 100) + "<title>x</title>", "\xff<TITLE", "://", "a:b:c"}

// walk replaces every value below v by others, runs a judge, and puts it back.
func walk(t *testing.T, code string, v reflect.Value, path string, judge func()) {
	t.Helper()
	if !v.CanSet() {
		return
	}
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	for _, other := range others(v) {
		v.Set(other)
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("%s with %s = %.60v: %v", code, path, fmt.Sprint(other.Interface()), r)
				}
			}()
			judge()
		}()
		v.Set(old)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			walk(t, code, v.Elem(), path, judge)
		}
	case reflect.Slice:
		for i := range min(v.Len(), 2) {
			walk(t, code, v.Index(i), fmt.Sprintf("%s[%d]", path, i), judge)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walk(t, code, v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), judge)
			}
		}
	}
}

// others are values of the same type.
func others(v reflect.Value) []reflect.Value {
	out := []reflect.Value{}
	if !v.IsZero() {
		out = append(out, reflect.Zero(v.Type()))
	}
	switch v.Kind() {
	case reflect.String:
		for _, s := range odd {
			out = append(out, reflect.ValueOf(s).Convert(v.Type()))
		}
	case reflect.Int, reflect.Int64:
		out = append(out, reflect.ValueOf(-1).Convert(v.Type()), reflect.ValueOf(1<<31).Convert(v.Type()))
	case reflect.Bool:
		out = append(out, reflect.ValueOf(!v.Bool()).Convert(v.Type()))
	}
	return out
}
