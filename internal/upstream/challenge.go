package upstream

import (
	"slices"
	"strings"
)

// Challenge is one way to log in that a WWW-Authenticate header offers.
type Challenge struct {
	Scheme string            // lower case: "basic", "bearer", "negotiate"
	Params map[string]string // keys in lower case
	Hidden bool              // containerd does not see it, because it is not the first of its line
}

// ParseChallenges reads WWW-Authenticate lines, each of which may hold several
// challenges. The first of a line is read as containerd reads it, which allows
// no blank around "=". What is malformed ends its line; nothing is an error,
// because a registry that writes nonsense still has to be described.
// Source: RFC 9110, 11.6.1; core/remotes/docker/auth/parse.go.
func ParseChallenges(lines []string) []Challenge {
	var out []Challenge
	for _, line := range lines {
		hidden := line == "" || !isTokenByte(line[0])
		for rest := line; rest != ""; hidden = true {
			var c Challenge
			var ok bool
			if c, rest, ok = parseChallenge(rest); !ok {
				break
			}
			c.Hidden = hidden
			out = append(out, c)
		}
	}
	return out
}

// parseChallenge reads one challenge and returns what follows it.
func parseChallenge(s string) (c Challenge, rest string, ok bool) {
	scheme, s := takeToken(strings.TrimLeft(s, " \t,"))
	if scheme == "" {
		return c, "", false
	}
	c = Challenge{Scheme: strings.ToLower(scheme), Params: map[string]string{}}
	for {
		s = skipBlank(s)
		key, after := takeToken(s)
		value, isParam := strings.CutPrefix(after, "=")
		if key == "" || !isParam {
			return c, s, true // the next challenge, or nothing that can be read
		}
		value, s = takeValue(value)
		c.Params[strings.ToLower(key)] = value
		var more bool
		if s, more = strings.CutPrefix(skipBlank(s), ","); !more {
			return c, "", true
		}
	}
}

func takeValue(s string) (value, rest string) {
	if strings.HasPrefix(s, `"`) {
		return takeQuoted(s)
	}
	return takeToken(s)
}

// takeQuoted reads a quoted string. One that does not end gives nothing, as in
// containerd.
func takeQuoted(s string) (value, rest string) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:]
		case '\\':
			if i++; i == len(s) {
				return "", ""
			}
		}
		b.WriteByte(s[i])
	}
	return "", ""
}

func takeToken(s string) (token, rest string) {
	i := 0
	for i < len(s) && isTokenByte(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func isTokenByte(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune(`"(),/:;<=>?@[]\{}`, rune(c))
}

func skipBlank(s string) string { return strings.TrimLeft(s, " \t\r\n") }

// pick is the challenge that containerd answers: the first Bearer, else the
// first Basic, among those that it sees. Digest it knows and skips.
// Source: core/remotes/docker/authorizer.go, AddResponses.
func pick(all []Challenge) (Challenge, bool) {
	for _, scheme := range []string{"bearer", "basic"} {
		if i := slices.IndexFunc(all, func(c Challenge) bool { return c.Scheme == scheme && !c.Hidden }); i >= 0 {
			return all[i], true
		}
	}
	return Challenge{}, false
}
