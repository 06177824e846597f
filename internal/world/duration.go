package world

import "time"

// Duration is a time.Duration that is written "1.5s" in JSON and YAML.
type Duration time.Duration

// UnmarshalText reads "1.5s".
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// MarshalText writes "1.5s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }
