package plan

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
)

const stars = "***"

var (
	userInfo   = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/\s"']*@`)
	keyed      = regexp.MustCompile(`([\w.-]+)(["']\s*[:=]|\s*=|:(?:\s|$|["'\[]))\s*`)
	blockStart = regexp.MustCompile(`^[|>][-+0-9]*\s*(#.*)?$`)
	secretHead = regexp.MustCompile(`^\s*\[.*\b(headers?["']?|auth["']?|auths["']?\s*\..*)\s*\]`)
	authBlock  = regexp.MustCompile(`^\s*["']?auth["']?:\s*(#.*)?$`)
	tableHead  = regexp.MustCompile(`^\s*\[+[^\]=]+\]`)
	base64Key  = regexp.MustCompile(`LS0tLS1CRUdJTi[A-Za-z0-9+/=]{20,}`)
)

// What ends like one of these names, or is one, holds a credential.
var (
	secretEnds = []string{
		"password", "passwd", "passphrase", "token", "secret", "auth", "authorization",
		"apikey", "secretkey", "accesskey", "privatekey", "cookie",
	}
	secretNames = []string{"pass", "pwd", "dockerconfigjson", "dockercfg"}
)

// mask returns the lines of a text, line ends included, with the values of
// credentials replaced: of keys that are named like one in TOML, YAML, JSON and
// environment files, of all keys but the user name among headers and in logins,
// user info in URLs, private keys.
// It rather hides too much than too little.
func mask(text string) []string {
	all := strings.SplitAfter(text, "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	var m masker
	for i, line := range all {
		body := strings.TrimRight(line, "\r\n")
		all[i] = m.line(body) + line[len(body):]
	}
	return all
}

// masker remembers what the lines before mean for the next one.
type masker struct {
	until  string // everything is hidden up to a line with this text
	deeper bool   // lines indented deeper than indent belong to a credential
	loose  bool   // ... unless they have keys of their own
	indent int
	header bool // in a table of HTTP headers, or of a login
	login  bool // in lines indented deeper than margin, which are a login in YAML
	margin int
}

func (m *masker) line(s string) string {
	if hidden, done := m.continued(s); done {
		return hidden
	}
	if strings.Contains(s, "-----BEGIN") && strings.Contains(s, "PRIVATE KEY-----") {
		if !strings.Contains(s, "-----END") {
			m.until = "-----END"
		}
		return indentOf(s) + stars
	}
	if tableHead.MatchString(s) {
		m.header = secretHead.MatchString(s)
	}
	if strings.TrimSpace(s) != "" && len(indentOf(s)) <= m.margin {
		m.login = false
	}
	s = userInfo.ReplaceAllString(s, "${1}"+stars+"@")
	s = base64Key.ReplaceAllStringFunc(s, maskBase64)
	shown := m.values(s)
	if authBlock.MatchString(s) {
		m.login, m.margin = true, len(indentOf(s))
	}
	return shown
}

// continued hides a line that goes on with a credential of the lines before.
func (m *masker) continued(s string) (string, bool) {
	if m.until != "" {
		if m.ends(s) {
			m.until = ""
		}
		return indentOf(s) + stars, true
	}
	if !m.deeper {
		return "", false
	}
	blank := strings.TrimSpace(s) == ""
	if !blank && len(indentOf(s)) <= m.indent {
		m.deeper = false
		return "", false
	}
	if blank || m.loose && (keyed.MatchString(s) || strings.ContainsAny(s[:len(indentOf(s))+1], "{}[]#")) {
		return s, blank
	}
	return indentOf(s) + stars, true
}

// ends tells whether a hidden part ends with this line. A bracket counts only
// where no string can hold it.
func (m *masker) ends(s string) bool {
	if m.until != "]" {
		return strings.Contains(s, m.until)
	}
	s = strings.Trim(s, " \t,")
	return strings.HasPrefix(s, "]") || strings.HasSuffix(s, "]")
}

// values hides the credentials among the keys of one line.
func (m *masker) values(s string) string {
	var b strings.Builder
	for {
		at := keyed.FindStringSubmatchIndex(s)
		if at == nil {
			break
		}
		key, sep := s[at[2]:at[3]], s[at[4]:at[5]]
		end := at[1]
		if strings.ContainsAny(sep[len(sep)-1:], `"'[`) {
			end = at[5] - 1
		}
		b.WriteString(s[:end])
		rest := s[end:]
		if m.secret(key, rest) || strings.HasSuffix(strings.TrimRight(s[:at[2]], `"'`), "header.") {
			rest = m.value(&b, rest, indentOf(b.String()), strings.Contains(sep, ":"))
		}
		s = rest
	}
	b.WriteString(s)
	return b.String()
}

var separators = strings.NewReplacer("-", "", "_", "", ".", "")

func (m *masker) secret(key, value string) bool {
	name := strings.ToLower(separators.Replace(key))
	if name == "header" || name == "headers" {
		return strings.HasPrefix(value, "{")
	}
	if strings.HasPrefix(value, "{") {
		return false
	}
	inSecret := (m.header || m.login) && name != "username"
	return inSecret || strings.Contains(key, "header.") || slices.Contains(secretNames, name) ||
		slices.ContainsFunc(secretEnds, func(end string) bool { return strings.HasSuffix(name, end) })
}

// value hides one value, which starts s, and returns what follows it.
func (m *masker) value(b *strings.Builder, s, indent string, yaml bool) string {
	if yaml {
		m.deeper, m.loose, m.indent = true, !blockStart.MatchString(s), len(indent)
	}
	if s == "" || blockStart.MatchString(s) {
		b.WriteString(s)
		return ""
	}
	for _, quote := range []string{`"""`, `'''`} {
		if strings.HasPrefix(s, quote) && !strings.Contains(s[3:], quote) {
			m.until = quote
			b.WriteString(stars)
			return ""
		}
	}
	if s[0] == '[' && !strings.Contains(s, "]") {
		m.until = "]"
		b.WriteString("[" + stars)
		return ""
	}
	n := extent(s)
	switch shown := s[:n]; shown {
	case `""`, `''`, "[]":
		b.WriteString(shown)
	default:
		b.WriteString(enclosed(shown))
	}
	return s[n:]
}

// extent is the length of the value at the start of s. One without quotes or
// brackets goes to the end of the line.
func extent(s string) int {
	switch s[0] {
	case '"', '\'':
		for i := 1; i < len(s); i++ {
			if s[i] == '\\' && s[0] == '"' {
				i++
				continue
			}
			if s[i] == s[0] {
				return i + 1
			}
		}
	case '[':
		return strings.LastIndexByte(s, ']') + 1
	}
	return len(s)
}

func enclosed(value string) string {
	last := value[len(value)-1:]
	switch first := value[:1]; {
	case len(value) > 1 && first == last && strings.Contains(`"'`, first):
		return first + stars + last
	case first == "[" && last == "]":
		return `["` + stars + `"]`
	}
	return stars
}

func maskBase64(text string) string {
	head := text[:min(len(text), 64)/4*4]
	plain, err := base64.StdEncoding.DecodeString(head)
	if err != nil || !strings.Contains(string(plain), "PRIVATE KEY") {
		return text
	}
	return stars
}

func indentOf(s string) string {
	return s[:len(s)-len(strings.TrimLeft(s, " \t"))]
}

// Mask returns a text of a configuration file with the values of credentials
// replaced, for people and programs that read it.
func Mask(text string) string { return strings.Join(mask(text), "") }
