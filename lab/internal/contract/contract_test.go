package contract_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/lab/internal/contract"
)

const good = `{"schema":"towpath/v1","image":"a:1","reference":"docker.io/library/a:1","runtime":{"name":"containerd","version":"2.4.2"},
"verdict":"broken","hops":[{"endpoint":"https://registry-1.docker.io/v2","from":null,
"stages":[{"stage":"resolve","ok":true,"ms":1.2,"saw":"198.51.100.20","error":null},{"stage":"connect","ok":false,"ms":3,"saw":null,"error":"refused"}]}],
"findings":[{"code":"network/connection-refused","id":"NET-01","severity":"error","role":"primary","because":null,"confidence":"certain",
"subject":"registry-1.docker.io","text":"nothing listens","at":{"file":"/etc/hosts","line":3,"column":1},
"evidence":[{"saw":"refused","where":"198.51.100.20:443","command":"nc -vz 198.51.100.20 443"}],
"fix":{"text":"start it","live":true,"edits":[],"run":[]}}]}`

func TestADocumentOfTheContractIsTaken(t *testing.T) {
	if _, bad := contract.Read([]byte(good)); len(bad) > 0 {
		t.Error(bad)
	}
}

func TestBreachesOfTheContractAreTold(t *testing.T) {
	for from, to := range map[string]string{
		`"schema":"towpath/v1",`:    ``,
		`"towpath/v1"`:              `"towpath/v2"`,
		`"broken"`:                  `"bad"`,
		`"reference":`:              `"ref":`,
		`"edits":[]`:                `"edits":null`,
		`"run":[]`:                  `"run":[],"more":1`,
		`"stage":"resolve"`:         `"stage":"lookup"`,
		`"error":"refused"`:         `"error":null`,
		`"role":"primary"`:          `"role":"secondary"`,
		`"because":null`:            `"because":"dns/sinkholed"`,
		`"confidence":"certain"`:    `"confidence":"sure"`,
		`"severity":"error"`:        `"severity":"fatal"`,
		`"nothing listens"`:         `"nothing listens."`,
		`"start it"`:                `"set skip_verify"`,
		`"endpoint":"https://`:      `"endpoint":"`,
		`"network/connection-`:      `"NET/connection_`,
		`"saw":"refused","where":`:  `"saw":"","where":`,
		`"verdict":"broken","hops"`: `"verdict":"healthy","hops"`,
		`"text":"nothing listens"`:  `"text":"nothing listens on {port}"`,
	} {
		text := strings.Replace(good, from, to, 1)
		if text == good {
			continue
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("%s: the test made no JSON", from)
		}
		if _, bad := contract.Read([]byte(text)); len(bad) == 0 {
			t.Errorf("%s in place of %s was taken", to, from)
		}
	}
	if _, bad := contract.Read([]byte(strings.Replace(good, good[strings.Index(good, `{"saw":"refused"`):strings.Index(good, `],
"fix"`)], "", 1))); len(bad) == 0 {
		t.Error("a finding without evidence was taken")
	}
}
