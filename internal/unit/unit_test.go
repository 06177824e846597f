package unit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/source"
)

func file(name string, lines ...string) source.File {
	return source.File{Path: name, Data: []byte(strings.Join(lines, "\n") + "\n")}
}

func show(vars []Variable) []string {
	var out []string
	for _, v := range vars {
		out = append(out, fmt.Sprintf("%s=%s %d:%d", v.Key, v.Value, v.At.Line, v.At.Column))
	}
	return out
}

func TestUnitFilesReadAsSystemdReadsThem(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"plain", []string{"[Service]", "Environment=A=b"}, []string{"A=b 2:13"}},
		{"several words", []string{"[Service]", `Environment="A=b c" D=e  'F=g h'`}, []string{"A=b c 2:13", "D=e 2:21", "F=g h 2:26"}},
		{"quotes inside a word", []string{"[Service]", `Environment=A="b c" D=e`}, []string{"A=b c 2:13", "D=e 2:21"}},
		{"blanks around the equals sign", []string{"[Service]", "  Environment =  A=b  "}, []string{"A=b 2:18"}},
		{"percent signs are doubled", []string{"[Service]", `Environment="P=http://u:p%%40w@h" Q=%n R=%N S=p% T=%h`}, []string{"P=http://u:p%40w@h 2:13", "Q=x.service 2:35", "R=x 2:40", "S=p% 2:45", "T=%h 2:50"}},
		{"an unknown specifier spoils its item alone", []string{"[Service]", `Environment=A=%20 B=%2Fx C=d`}, []string{"C=d 2:26"}},
		{"C escapes", []string{"[Service]", `Environment="A=b\"c\\d\x41\101\ts\sz"`}, []string{"A=b\"c\\dAA\ts z 2:13"}},
		{"an unknown escape ends the value", []string{"[Service]", `Environment=A=b C=\d E=f`}, []string{"A=b 2:13"}},
		{"an open quote ends the value", []string{"[Service]", `Environment=A=b "C=d`}, []string{"A=b 2:13"}},
		{"continued", []string{"[Service]", `Environment=A=b \`, `  C=d \`, "# comment", `E=f`, "Environment=G=h"}, []string{"A=b 2:13", "C=d 3:3", "E=f 5:1", "G=h 6:13"}},
		{"continued inside quotes", []string{"[Service]", `Environment="A=b \`, `  c" D=e`}, []string{"A=b    c 2:13", "D=e 3:6"}},
		{"a blank behind the backslash", []string{"[Service]", `Environment=A=b \ `, "Environment=C=d"}, []string{"A=b 2:13", "C=d 3:13"}},
		{"other sections", []string{"[Unit]", "Environment=A=b", "[Service]", "Environment=C=d", "[Install]", "Environment=E=f"}, []string{"C=d 4:13"}},
		{"no section", []string{"Environment=A=b"}, nil},
		{"comments", []string{"[Service]", "#Environment=A=b", " ; Environment=C=d", "Environment=E=f#g"}, []string{"E=f#g 4:13"}},
		{"export is no name", []string{"[Service]", `Environment="export A=b" 1A=b A-B=c D=e`}, []string{"D=e 2:37"}},
		{"reset", []string{"[Service]", "Environment=A=b", "Environment=", "Environment=C=d"}, []string{"C=d 4:13"}},
		{"keys are case sensitive", []string{"[Service]", "environment=A=b"}, nil},
		{"CRLF", []string{"[Service]\r", "Environment=A=b \\\r", "C=d\r"}, []string{"A=b 2:13", "C=d 3:1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := Service{Name: "x.service", Parts: []source.File{file("/x", tt.lines...)}}
			if got := show(s.Variables()); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEnvironmentFilesReadAsSystemdReadsThem(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"plain", []string{"A=b", "C=d"}, []string{"A=b 1:1", "C=d 2:1"}},
		{"quoted", []string{`A="b c"`, `D='e "f" g'`, `H="i\"j\\k\$l\n"`}, []string{"A=b c 1:1", `D=e "f" g 2:1`, `H=i"j\k$l\n 3:1`}},
		{"percent signs stay", []string{"A=http://u:p%40w@h"}, []string{"A=http://u:p%40w@h 1:1"}},
		{"comments and blanks", []string{"# A=b", "; C=d", "", "  E = f  ", "G=h # no comment"}, []string{"E=f 4:3", "G=h # no comment 5:1"}},
		{"export is not understood", []string{"export A=b", "C=d"}, []string{"C=d 2:1"}},
		{"no equals sign", []string{"A", "C=d"}, []string{"C=d 2:1"}},
		{"continued", []string{`A=b\`, "c", "D=e"}, []string{"A=bc 1:1", "D=e 3:1"}},
		{"a comment goes on behind a backslash", []string{`# a \`, "A=b", "C=d"}, []string{"C=d 3:1"}},
		{"quotes in the middle stay", []string{`A=b"c"`}, []string{`A=b"c" 1:1`}},
		{"lines inside quotes", []string{`A="b`, `c" `, "D=e"}, []string{"A=b\nc 1:1", "D=e 3:1"}},
		{"empty", []string{"A=", "B=''"}, []string{"A= 1:1", "B= 2:1"}},
		{"CRLF", []string{"A=b\r", "C=d\r"}, []string{"A=b 1:1", "C=d 2:1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := show(ParseEnv(file("/e", tt.lines...))); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLaterAssignmentsWin(t *testing.T) {
	s := Service{
		Name:    "x.service",
		Manager: []source.File{file("/etc/systemd/system.conf", "[Manager]", "DefaultEnvironment=A=manager B=manager")},
		Parts: []source.File{
			file("/usr/lib/systemd/system/x.service", "[Service]", "Environment=B=unit C=unit", "EnvironmentFile=-/etc/default/%N", "EnvironmentFile=/etc/x.d/*.env"),
			file("/etc/systemd/system/x.service.d/a.conf", "[Service]", "Environment=C=drop-in D=drop-in", "UnsetEnvironment=E F=gone"),
		},
		Env: []source.File{
			file("/etc/x.d/1.env", "D=second"),
			file("/etc/default/x", "D=first", "E=unset", "F=gone", "G=first"),
		},
	}
	got := map[string]string{}
	for _, v := range s.Variables() {
		got[v.Key] = v.Value + " " + v.At.File
	}
	want := map[string]string{
		"A": "manager /etc/systemd/system.conf",
		"B": "unit /usr/lib/systemd/system/x.service",
		"C": "drop-in /etc/systemd/system/x.service.d/a.conf",
		"D": "second /etc/x.d/1.env",
		"G": "first /etc/default/x",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	s.Parts = append(s.Parts, file("/etc/systemd/system/x.service.d/b.conf", "[Service]", "Environment=", "EnvironmentFile="))
	if got := show(s.Variables()); !slices.Equal(got, []string{"A=manager 2:20", "B=manager 2:30"}) {
		t.Errorf("after a reset: %q", got)
	}
}

func TestLookupSeesWhatThePullerSees(t *testing.T) {
	env := file("/etc/systemd/system/k3s.service.env", "no_proxy=low", "NO_PROXY=up", "CONTAINERD_no_proxy=child-low", "HTTPS_PROXY=all", "CONTAINERD_HTTPS_PROXY=child", "http_proxy=low")
	unit := file("/etc/systemd/system/k3s.service", "[Service]", "EnvironmentFile=-/etc/systemd/system/k3s.service.env")
	s := Service{Name: "k3s.service", Parts: []source.File{unit}, Env: []source.File{env}}
	check := func(key, want string) {
		t.Helper()
		if v, _ := s.Lookup(key); v.Value != want {
			t.Errorf("%s (prefix %q) is %q, want %q", key, s.Prefix, v.Value, want)
		}
	}
	check("NO_PROXY", "up")
	check("HTTPS_PROXY", "all")
	check("HTTP_PROXY", "low")
	s.Prefix = "CONTAINERD_"
	check("NO_PROXY", "up")
	check("HTTPS_PROXY", "child")
	check("GODEBUG", "")
}

func TestCommandIsTheLastExecStart(t *testing.T) {
	s := Service{Name: "k3s.service", Parts: []source.File{
		file("/a", "[Service]", "ExecStartPre=-/sbin/modprobe overlay", "ExecStart=/usr/local/bin/k3s \\", "    server \\", "\t'--private-registry' \\", "\t'/srv/%p.yaml' \\", ""),
		file("/b", "[Service]"),
	}}
	want := []string{"/usr/local/bin/k3s", "server", "--private-registry", "/srv/k3s.yaml"}
	if got, at := s.Command(); !slices.Equal(got, want) || at.Line != 3 {
		t.Errorf("got %q, want %q", got, want)
	}
	s.Parts[1] = file("/b", "[Service]", "ExecStart=", "ExecStart=-/bin/true")
	if got, _ := s.Command(); !slices.Equal(got, []string{"/bin/true"}) {
		t.Errorf("got %q", got)
	}
}

func TestSetEditsTheLineThatCounts(t *testing.T) {
	containerd := file("/lib/systemd/system/containerd.service", "[Unit]", "[Service]", "ExecStart=/usr/bin/containerd")
	k3s := file("/etc/systemd/system/k3s.service", "[Service]", "EnvironmentFile=-/etc/default/%N", "EnvironmentFile=-/etc/sysconfig/%N", "EnvironmentFile=-/etc/systemd/system/k3s.service.env")
	rke2 := file("/usr/local/lib/systemd/system/rke2-server.service", "[Service]", "EnvironmentFile=-/etc/default/%N", "EnvironmentFile=-/etc/sysconfig/%N")
	dropin := "/etc/systemd/system/containerd.service.d/http-proxy.conf"
	tests := []struct {
		name       string
		s          Service
		key, value string
		want       string // path of the file afterwards
		content    string
		reload     bool
	}{
		{
			"a new drop-in", Service{Name: "containerd.service", Parts: []source.File{containerd}},
			"NO_PROXY", `r.example,p%q"\`, dropin, "[Service]\n" + `Environment="NO_PROXY=r.example,p%%q\"\\"` + "\n", true,
		},
		{
			"the word that sets it, its neighbours left alone",
			Service{Name: "containerd.service", Parts: []source.File{containerd, file(dropin, "[Service]", "# ours", "Environment=HTTPS_PROXY=http://p NO_PROXY=a 'X=y z'")}},
			"NO_PROXY", "a,b", dropin, "[Service]\n# ours\nEnvironment=HTTPS_PROXY=http://p \"NO_PROXY=a,b\" 'X=y z'\n", true,
		},
		{
			"an existing drop-in without the variable",
			Service{Name: "containerd.service", Parts: []source.File{containerd, file(dropin, "[Service]", "Environment=HTTPS_PROXY=http://p")}},
			"NO_PROXY", "b", dropin, "[Service]\nEnvironment=HTTPS_PROXY=http://p\nEnvironment=\"NO_PROXY=b\"\n", true,
		},
		{
			"a drop-in that ends in another section, without a line end",
			Service{Name: "containerd.service", Parts: []source.File{{Path: dropin, Data: []byte("[Service]\n[Unit]\nAfter=x \\")}}},
			"NO_PROXY", "b", dropin, "[Service]\n[Unit]\nAfter=x \\\n\n[Service]\nEnvironment=\"NO_PROXY=b\"\n", true,
		},
		{
			"a unit of the distribution is not touched",
			Service{Name: "containerd.service", Parts: []source.File{file("/lib/systemd/system/containerd.service", "[Service]", "Environment=NO_PROXY=a")}},
			"NO_PROXY", "a,b", dropin, "[Service]\nEnvironment=\"NO_PROXY=a,b\"\n", true,
		},
		{
			"nor is the manager's configuration",
			Service{Name: "containerd.service", Manager: []source.File{file("/etc/systemd/system.conf", "[Manager]", "DefaultEnvironment=NO_PROXY=a")}},
			"NO_PROXY", "a,b", dropin, "[Service]\nEnvironment=\"NO_PROXY=a,b\"\n", true,
		},
		{
			"lower case where only that is set",
			Service{Name: "containerd.service", Parts: []source.File{file(dropin, "[Service]", `Environment="no_proxy=a"`)}},
			"NO_PROXY", "a,b", dropin, "[Service]\nEnvironment=\"no_proxy=a,b\"\n", true,
		},
		{
			"another variable than a proxy", Service{Name: "k0sworker.service"},
			"GODEBUG", "tlsmlkem=0", "/etc/systemd/system/k0sworker.service.d/environment.conf", "[Service]\nEnvironment=\"GODEBUG=tlsmlkem=0\"\n", true,
		},
		{
			"k3s: a new environment file", Service{Name: "k3s.service", Prefix: "CONTAINERD_", Parts: []source.File{k3s}},
			"HTTPS_PROXY", "http://u:p%40w@proxy:3128", "/etc/systemd/system/k3s.service.env", "CONTAINERD_HTTPS_PROXY=http://u:p%40w@proxy:3128\n", false,
		},
		{
			"k3s: the variable that counts for containerd",
			Service{Name: "k3s.service", Prefix: "CONTAINERD_", Parts: []source.File{k3s}, Env: []source.File{file("/etc/systemd/system/k3s.service.env", "NO_PROXY='10.0.0.0/8'", `CONTAINERD_NO_PROXY="a b"`)}},
			"NO_PROXY", "a $b", "/etc/systemd/system/k3s.service.env", "NO_PROXY='10.0.0.0/8'\nCONTAINERD_NO_PROXY=\"a \\$b\"\n", false,
		},
		{
			"rke2", Service{Name: "rke2-server.service", Prefix: "CONTAINERD_", Parts: []source.File{rke2}},
			"NO_PROXY", "a", "/etc/default/rke2-server", "CONTAINERD_NO_PROXY=a\n", false,
		},
		{
			"rke2 with the other file",
			Service{Name: "rke2-server.service", Prefix: "CONTAINERD_", Parts: []source.File{rke2}, Env: []source.File{file("/etc/sysconfig/rke2-server", "A=b")}},
			"NO_PROXY", "a", "/etc/sysconfig/rke2-server", "A=b\nCONTAINERD_NO_PROXY=a\n", false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.s.Set(tt.key, tt.value)
			if len(c.Edits) != 1 || c.Edits[0].File != tt.want || c.Reload != tt.reload {
				t.Fatalf("got %+v, want one edit of %s, reload %v", c, tt.want, tt.reload)
			}
			after := apply(t, &tt.s, c.Edits[0])
			if after != tt.content {
				t.Errorf("got\n%s\nwant\n%s", after, tt.content)
			}
			if v, ok := tt.s.Lookup(tt.key); !ok || v.Value != tt.value {
				t.Errorf("afterwards %s is %q", tt.key, v.Value)
			}
		})
	}
	if c := (Service{}).Set("NO_PROXY", "a"); len(c.Edits) != 0 {
		t.Errorf("a program without a unit is edited: %+v", c)
	}
}

// apply carries out one edit on the files of a service.
func apply(t *testing.T, s *Service, e source.Edit) string {
	t.Helper()
	for _, list := range [][]source.File{s.Parts, s.Env} {
		if f := source.Find(list, e.File); f != nil {
			data, err := source.Apply(f.Data, []source.Edit{e})
			if err != nil {
				t.Fatal(err)
			}
			f.Data = data
			return string(data)
		}
	}
	f := source.File{Path: e.File, Data: []byte(e.New)}
	if strings.HasPrefix(e.New, "[") {
		s.Parts = append(s.Parts, f)
	} else {
		s.Env = append(s.Env, f)
	}
	return e.New
}

func TestAPasswordIsWrittenForRootAlone(t *testing.T) {
	s := Service{Name: "containerd.service"}
	if e := s.Set("HTTPS_PROXY", "http://u:p@proxy").Edits[0]; e.Mode != 0o600 {
		t.Errorf("mode %o", e.Mode)
	}
	if e := s.Set("NO_PROXY", "a").Edits[0]; e.Mode != 0 {
		t.Errorf("mode %o", e.Mode)
	}
}

// No value can break out of its quotes or its line, and its neighbours stay.
func FuzzWhatIsSetIsRead(f *testing.F) {
	f.Add("b c\t\"'\\%n%%$`#;")
	f.Add("\\")
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsAny(value, "\n\r\x00") {
			t.Skip("no variable of ours spans lines")
		}
		for _, text := range []string{"", "A=b\n", "A=b\nNO_PROXY=c\nD=e\n"} {
			env := strings.ReplaceAll(text, "\n", "\nEnvironment=")
			for _, s := range []Service{
				{Name: "x.service", Parts: []source.File{{Path: "/etc/systemd/system/x.service.d/http-proxy.conf", Data: []byte("[Service]\nEnvironment=" + env)}}},
				{Name: "x.service", Prefix: "P_", Parts: []source.File{file("/etc/x", "[Service]", "EnvironmentFile=/etc/e")}, Env: []source.File{{Path: "/etc/e", Data: []byte(text)}}},
			} {
				before := len(s.Variables())
				apply(t, &s, s.Set("NO_PROXY", value).Edits[0])
				if v, ok := s.Lookup("NO_PROXY"); !ok || v.Value != value {
					t.Fatalf("wrote %q into %q, read %q", value, text, v.Value)
				}
				if after := len(s.Variables()); after < before {
					t.Fatalf("%d variables became %d", before, after)
				}
			}
		}
	})
}

// A variable's span, read alone, says the same as the file.
func FuzzSpansHoldWhatWasRead(f *testing.F) {
	f.Add("[Service]\nEnvironment=\"A=b \\\n# c\n c\" D=e \\\r\n F=g\n")
	f.Add("A=\"b\\\"c\"\nD='e\nf' # g\n;\n H = i\\\nj\n")
	f.Fuzz(func(t *testing.T, text string) {
		unit := source.File{Path: "/u", Data: []byte(text)}
		vars, _ := variables(unit, Setting{Section: "Service", Key: "Environment"}, "x.service")
		for _, v := range vars {
			got := words(unit.Data, v.Span)
			if len(got) != 1 {
				t.Fatalf("%q: %+v is %+v alone", text, v, got)
			}
			if alone, _ := expand(got[0].text, "x.service"); alone != v.Key+"="+v.Value {
				t.Fatalf("%q: %+v is %q alone", text, v, alone)
			}
			if source.Offset(unit.Data, v.At) != v.Span.Start {
				t.Fatalf("%q: %v is not at %d", text, v.At, v.Span.Start)
			}
		}
		for _, v := range ParseEnv(unit) {
			alone := ParseEnv(source.File{Data: []byte("K=" + text[v.Span.Start:v.Span.End])})
			if len(alone) != 1 || alone[0].Value != v.Value {
				t.Fatalf("%q: %+v is %+v alone", text, v, alone)
			}
		}
	})
}

func TestItemsAreAllWordsOfEnvironmentLines(t *testing.T) {
	f := file("x.conf", "[Unit]", "Environment=A=b", "[Service]", `Environment="NO_PROXY=a," b C=%20`)
	var got []string
	for _, i := range Items(f, "x.service") {
		got = append(got, fmt.Sprintf("%s %s %t %d:%d", i.Section, i.Text, i.Assigns, i.At.Line, i.At.Column))
	}
	want := []string{"Unit A=b true 2:13", "Service NO_PROXY=a, true 4:13", "Service b false 4:27", "Service C=%20 false 4:29"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExportsAreLinesThatOnlyAShellUnderstands(t *testing.T) {
	f := file("x.env", "A=b", " export  HTTP_PROXY=http://p:1", "# export C=d", "export", "exported=1", "export E F=g")
	var got []string
	for _, e := range Exports(f) {
		got = append(got, fmt.Sprintf("%s %d:%d %q", e.Key, e.At.Line, e.At.Column, f.Data[e.Word.Start:e.Word.End]))
	}
	if want := []string{`HTTP_PROXY 2:2 "export  "`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
