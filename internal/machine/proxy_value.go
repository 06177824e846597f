package machine

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

var notURL = finding.Kind{
	Code: "proxy/unreachable", ID: "PX003", Severity: finding.Error,
	Title: "The value of a proxy variable is no URL of a proxy",
	Text:  "{key} of {service} is not the URL of a proxy: {why}",
	Variants: map[string]finding.Variant{
		"example": {Text: "{key} of {service} still has the name of an example, {host}: every request fails"},
	},
	Doc: "A value copied from a guide, such as `http://your-proxy:port`, is taken for a host name, and every pull fails with \"no such host\". The port is a number; the scheme is `http`, `https`, `socks5` or `socks5h`, and without one `http` is meant. " +
		"The scheme is that of the proxy itself: `http://` for nearly all of them, in HTTPS_PROXY too. A value that Go cannot read at all is passed over in silence, and requests go around the proxy.",
}

var percent = finding.Kind{
	Code: "proxy/auth-required", ID: "PX005", Severity: finding.Warning,
	Title: "A percent sign in Environment= is not doubled",
	Text:  "{key} of {service} has a single percent sign, with which systemd begins a name of its own: the value is dropped or changed",
	Fix:   "double each percent sign",
	Doc: "In a unit file `%` begins a specifier such as `%n`. Where the password of a proxy has characters that are encoded, as `%40` for `@`, each percent sign has to be doubled: `%%40`. " +
		"An unknown specifier makes systemd drop the variable; a known one is replaced. In a file of `EnvironmentFile=` a percent sign is itself.",
}

var cases = finding.Kind{
	Code: "proxy/upper-and-lower-case-differ", ID: "PX010", Severity: finding.Warning,
	Title: "The same proxy variable has two values, in upper and lower case",
	Text:  "{service} has {upper} and {lower} with different values: containers are pulled by {upper}, and curl goes by {lower}",
	Fix:   "give {lower} the value of {upper}",
	Doc:   "Go programs take the upper case name first, curl and wget the lower case one, and curl knows `http_proxy` in lower case alone. A test with curl then shows something else than a pull.",
}

var readable = finding.Kind{
	Code: "proxy/password-readable", ID: "PX012", Severity: finding.Warning,
	Title: "Everybody on the node can read the password of a proxy",
	Text:  "{file} holds the password of a proxy and is readable for all (mode {mode})",
	Variants: map[string]finding.Variant{
		"unit": {Text: "{key} of {service} holds a password, and systemctl show tells it to every user"},
	},
	Doc: "Variables of `Environment=` are told to every user by `systemctl show`, whatever the mode of the file. Put the variable into a file of its own with mode 0600 and name it by `EnvironmentFile=`: those are read by systemd alone.",
}

// service judges the variables of one service.
func (l *lint) service(s unit.Service) {
	l.percents(s)
	l.variables(s, effective(s))
	l.schemes(s)
	l.noProxyHosts(s)
	l.namespaces(s)
	if s.Name == l.Service.Name {
		l.loaded()
	}
	l.trustVariables(s)
}

// variables judges the values of a service's proxy variables.
func (l *lint) variables(s unit.Service, vars []unit.Variable) {
	for _, v := range vars {
		if strings.HasSuffix(strings.ToUpper(v.Key), "NO_PROXY") {
			l.noProxyItems(s, v)
			continue
		}
		l.value(s, v)
	}
	l.passwords(s, vars)
	l.bothCases(s, vars)
}

// effective are the proxy variables of a service that count: of each name the last.
func effective(s unit.Service) []unit.Variable {
	var out []unit.Variable
	for _, v := range s.Variables() {
		if !unit.IsProxy(strings.TrimPrefix(v.Key, "CONTAINERD_")) {
			continue
		}
		out = slices.DeleteFunc(out, func(o unit.Variable) bool { return o.Key == v.Key })
		out = append(out, v)
	}
	return out
}

var (
	// examples are names that guides put where a name belongs. Names below
	// example.com are the documented way to show a real setting.
	examples = regexp.MustCompile(`^(?i)(?:(?:your|my)[-_.]?(?:corp[-_.]?|company[-_.]?|http[-_.]?)?proxy(?:[-_.]?(?:server|host|ip|address))?|proxy[-_.]?(?:ip|address|host|host[-_.]?or[-_.]?ip)|x\.x\.x\.x|xxx(?:\.xxx){3})$`)
	brackets = regexp.MustCompile(`[<>{}]|\$\(`)
	schemes  = []string{"http", "https", "socks5", "socks5h"}
)

// value judges the URL of a proxy.
func (l *lint) value(s unit.Service, v unit.Variable) {
	if v.Value == "" {
		return
	}
	variant, why := judge(v.Value)
	if why == "" {
		return
	}
	args := finding.Args{"key": v.Key, "service": s.Name, "why": why, "host": why}
	l.say(notURL, variant, v.At, args)
}

// judge says why a value is no proxy, or in the variant "example" which host of
// an example it names; empty: it may be one.
func judge(value string) (variant, why string) {
	u, why := parseProxy(value)
	switch {
	case brackets.MatchString(value):
		return "", "it has a place holder, " + value
	case strings.HasPrefix(value, "$"):
		return "", "systemd expands no variables in it"
	case why == "" && examples.MatchString(u.Hostname()):
		return "example", u.Hostname()
	}
	return "", why
}

// parseProxy reads a value as Go does and says what would not work with it.
func parseProxy(value string) (*url.URL, string) {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	switch {
	case err != nil:
		_, rest, _ := strings.Cut(value, "://")
		_, port, hasPort := strings.Cut(rest[strings.LastIndexByte(rest, '@')+1:], ":")
		if port, _, _ = strings.Cut(port, "/"); hasPort && strings.Trim(port, "0123456789") != "" {
			return nil, "its port is not a number"
		}
		return nil, "Go cannot read it"
	case !slices.Contains(schemes, strings.ToLower(u.Scheme)):
		return nil, "Go knows no proxy of the scheme " + u.Scheme
	case u.Hostname() == "":
		return nil, "it names no host"
	}
	return u, ""
}

func isLoopback(value string) bool {
	u, why := parseProxy(value)
	if why != "" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

// single is a percent sign that begins an encoded character and is not doubled.
var single = regexp.MustCompile(`(^|[^%])((?:%%)*)%([0-9A-Fa-f]{2})`)

func (l *lint) percents(s unit.Service) {
	for _, part := range s.Parts {
		for _, i := range unit.Items(part, s.Name) {
			key, _, _ := strings.Cut(i.Text, "=")
			if i.Section != "Service" || !unit.IsProxy(strings.TrimPrefix(key, "CONTAINERD_")) || !single.MatchString(i.Text) {
				continue
			}
			text := string(part.Data[i.Span.Start:i.Span.End])
			f := l.say(percent, "", i.At, finding.Args{"key": key, "service": s.Name})
			do(f, restart(s.Name, true), signs(part.Path, i.Span.Start, text)...)
		}
	}
}

// signs are the edits that double single percent signs, one byte each: an edit
// that replaced the word would carry the password.
func signs(file string, start int, text string) []source.Edit {
	var out []source.Edit
	for at := 0; at < len(text); at++ {
		if text[at] != '%' {
			continue
		}
		if at+1 < len(text) && text[at+1] == '%' {
			at++
			continue
		}
		out = append(out, source.Edit{File: file, Start: start + at, End: start + at, New: "%"})
	}
	return out
}

func (l *lint) passwords(s unit.Service, vars []unit.Variable) {
	told := map[string]bool{}
	for _, v := range vars {
		if !secret(v.Value) || told[v.At.File] {
			continue
		}
		f := source.Find(slices.Concat(s.Parts, s.Env), v.At.File)
		switch {
		case v.Form == unit.UnitFile:
			l.say(readable, "unit", v.At, finding.Args{"key": v.Key, "service": s.Name})
		case f != nil && f.Mode&0o004 != 0:
			l.say(readable, "", v.At, finding.Args{"mode": f.Mode.String()[1:]}).Fix = &finding.Fix{Text: "take the right to read it from others", Live: true, Run: []string{"chmod o-r " + f.Path}}
		}
		told[v.At.File] = true
	}
}

func (l *lint) bothCases(s unit.Service, vars []unit.Variable) {
	for _, upper := range vars {
		i := slices.IndexFunc(vars, func(v unit.Variable) bool {
			return v.Key == strings.ToLower(upper.Key) && v.Key != upper.Key && v.Value != upper.Value
		})
		if i < 0 {
			continue
		}
		lower := vars[i]
		f := l.say(cases, "", lower.At, finding.Args{"service": s.Name, "upper": upper.Key, "lower": lower.Key})
		if secret(upper.Value) {
			continue
		}
		do(f, restart(s.Name, lower.Form == unit.UnitFile), replace(lower, upper.Value))
	}
}

// replace is the edit that gives a variable another value where it stands.
func replace(v unit.Variable, value string) source.Edit {
	text := unit.Bare(value)
	if v.Form == unit.UnitFile {
		text = unit.Quoted(v.Key, value)
	}
	return source.Edit{File: v.At.File, Start: v.Span.Start, End: v.Span.End, New: text}
}
