package upstream

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// ParseClaims reads what a token says of itself, without checking the signature:
// the registry does that. An opaque token gives nil.
func ParseClaims(token string) *snapshot.Claims {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil
	}
	var doc struct {
		Subject string  `json:"sub"`
		Expires float64 `json:"exp"`
		Access  []struct {
			Type    string   `json:"type"`
			Name    string   `json:"name"`
			Actions []string `json:"actions"`
		} `json:"access"`
	}
	if json.Unmarshal(data, &doc) != nil {
		return nil
	}
	c := &snapshot.Claims{Access: []string{}, Subject: printable(doc.Subject, 200)}
	if doc.Expires > 0 && doc.Expires < 1<<40 {
		c.Expires = time.Unix(int64(doc.Expires), 0).UTC()
	}
	for _, a := range doc.Access {
		if len(c.Access) == 100 {
			break
		}
		c.Access = append(c.Access, printable(a.Type+":"+a.Name+":"+strings.Join(a.Actions, ","), 300))
	}
	return c
}
