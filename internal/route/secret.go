package route

import (
	"fmt"
	"log/slog"
)

// Secret holds a password, a token or the value of a header that may carry one.
// Every way of printing or marshalling it gives ***; only Reveal gives the text.
type Secret struct{ text string }

const masked = "***"

// NewSecret wraps a text that nobody may see.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text. Its callers are few: those that send it.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether there is nothing to hide.
func (s Secret) IsZero() bool { return s.text == "" }

// Format prints *** for every verb; an empty secret prints nothing.
func (s Secret) Format(f fmt.State, _ rune) {
	if s.text != "" {
		_, _ = f.Write([]byte(masked))
	}
}

// LogValue masks the secret in structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// MarshalText masks the secret in JSON, YAML and TOML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(s)), nil }

// UnmarshalText reads what MarshalText wrote: a mask, never a text.
func (s *Secret) UnmarshalText(b []byte) error {
	s.text = string(b)
	return nil
}
