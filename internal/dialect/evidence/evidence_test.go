package evidence

import "testing"

func TestSecretsAreMaskedWhereverTheyStand(t *testing.T) {
	for line, want := range map[string]string{
		`      password: hunter2`:                             `      password: ***`,
		`{username: u, password: "p w", auth: dXNlcjpwYXNz}`:  `{username: u, password: ***, auth: ***}`,
		`password = "hunter2" # note`:                         `password = ***# note`,
		`identitytoken="abc"`:                                 `identitytoken=***`,
		`    hunter2`:                                         `***`,
		`  MIIBszCCAVmgAwIBAgIUQ2xvdWQtbm90LWEtc2VjcmV0MAoG`:  `***`,
		`url: https://u:p@r.example/v2`:                       `url: https://***@r.example/v2`,
		`endpoint: [https://r.example/a/very/long/path/here]`: `endpoint: [https://r.example/a/very/long/path/here]`,
		`    clientIdentity:`:                                 `    clientIdentity:`,
	} {
		if got := Show(line); got != want {
			t.Errorf("%q is shown as %q, want %q", line, got, want)
		}
	}
}

func TestMessagesLoseTheValuesThatTheyQuote(t *testing.T) {
	if got := Message("cannot decode `hunter2`\ninto \"x\""); got != "cannot decode *** into ***" {
		t.Error(got)
	}
}
