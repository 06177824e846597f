package containerdconfig

import "testing"

func TestLinesAreShownWithoutTheirSecrets(t *testing.T) {
	const text = `[plugins."x".registry.configs."h".auth] # who
  password = "hunter2" # really
  username = "u"
  auth="aHVudGVyMg=="
  "identitytoken" = 'hunter2'
  password hunter2
[plugins."x".registry.headers]
  X-Key = ["hunter2"]
  X-List = [
    "hunter2",
  ]
[plugins."x".registry.mirrors."m"]
  endpoint = ["https://u:hunter2@m.lab/v2", "https://ok.lab"]
  note = """
hunter2
"""
  key_file = "/etc/key.pem"
[plugins."x".registry.configs."h"]
  auth = { username = "u", password = "hunter2" }
`
	want := []string{
		`[plugins."x".registry.configs."h".auth] # who`,
		`  password = ***`, `  username = "u"`, `  auth=***`, `  "identitytoken" = ***`, `***`,
		`[plugins."x".registry.headers]`, `  X-Key = ***`, `  X-List = ***`, `***`, `***`,
		`[plugins."x".registry.mirrors."m"]`, `  endpoint = ["https://***@m.lab/v2", "https://ok.lab"]`,
		`  note = """`, `***`, `***`, `  key_file = "/etc/key.pem"`,
		`[plugins."x".registry.configs."h"]`, `  auth = ***`,
	}
	for i, w := range want {
		if got := shown([]byte(text), i+1); got != w {
			t.Errorf("line %d: got %q, want %q", i+1, got, w)
		}
	}
}

func TestAValueOfTheWrongTypeIsNotRepeated(t *testing.T) {
	text := "version = 2\n[" + oldTable + ".registry.configs.\"h\".auth]\npassword = [\"hunter2\"]\n"
	for version, want := range map[string]string{
		"1.6.20": "Can't convert ([]interface {}) to a slice",
		"2.4.2":  "toml: cannot decode TOML array into struct field Password of type string",
	} {
		c := Read(one(text), "", containerd(version))
		if len(c.Fatal) != 1 || c.Fatal[0].Text != want || c.Fatal[0].At.Line != 3 {
			t.Errorf("%s: got %+v, want %q", version, c.Fatal, want)
		}
	}
}
