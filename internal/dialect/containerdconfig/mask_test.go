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
		`  password = ***`, `  username = "u"`, `  auth=***`, `  "identitytoken" = ***`, `  password ***`,
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
