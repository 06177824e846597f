package machine

import "testing"

func TestPasswordsOfProxiesAreMasked(t *testing.T) {
	for text, want := range map[string]string{
		`Environment="HTTPS_PROXY=http://u:secret@p.example:3128"`: `Environment="HTTPS_PROXY=http://u:***@p.example:3128"`,
		`HTTPS_PROXY=u:secret@p.example:3128`:                      `HTTPS_PROXY=u:***@p.example:3128`,
		`http://u:se/cr@et:x@p.example`:                            `http://u:***@p.example`,
		`http://u:/secret@p.example`:                               `http://u:***@p.example`,
		`http://u:@p.example`:                                      `http://u:***@p.example`,
		`http://u@p.example:3128`:                                  `http://u@p.example:3128`,
		`HTTP_PROXY=http://p.example:3128/ A=b@c`:                  `HTTP_PROXY=http://p.example:3128/ A=b@c`,
		`A=http://u:one@a B=https://v:two@b`:                       `A=http://u:***@a B=https://v:***@b`,
	} {
		if got := masked(text); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
		if secret(text) != (text != want) {
			t.Errorf("secret(%s) is %t", text, secret(text))
		}
	}
}
