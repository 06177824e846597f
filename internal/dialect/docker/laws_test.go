package docker_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"

	"github.com/towpath-dev/towpath/internal/dialect/docker"
	"github.com/towpath-dev/towpath/internal/dialect/docker/corpus"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

var target = route.Target{Runtime: "docker"}

func asked(t *testing.T, table route.Table) string {
	t.Helper()
	var out strings.Builder
	for _, registry := range corpus.Registries {
		for _, object := range []string{":1", "@sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"} {
			ref, err := route.ParseRef(registry + "/team/app" + object)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range table.Resolve(ref) {
				fmt.Fprintln(&out, r.Ping, r.Method, r.URL, r.Endpoint.PlainFallback, r.Endpoint.TLS.SkipVerify)
			}
		}
	}
	return out.String()
}

func show(files []source.File) string {
	var out strings.Builder
	for _, f := range files {
		fmt.Fprintf(&out, "\n-- %s --\n%s", f.Path, f.Data)
	}
	return out.String()
}

func TestWhatRendersWithoutLossComesBackEqual(t *testing.T) {
	r, lossless := corpus.New(31), 0
	for i := range 2000 {
		table := r.Table()
		if len(docker.Dialect.Losses(table)) > 0 {
			continue
		}
		lossless++
		files := docker.Render(table, nil)
		back := docker.Dialect.Parse(files, target).Table
		if got, want := asked(t, back), asked(t, table); got != want {
			t.Fatalf("table %d:\n%s\nfrom%s", i, udiff.Unified("want", "got", want, got), show(files))
		}
		if again := docker.Render(back, files); show(again) != show(files) {
			t.Fatalf("table %d is no fixed point:%s\nwas%s", i, show(again), show(files))
		}
	}
	if lossless < 500 {
		t.Errorf("only %d tables without loss", lossless)
	}
}

func TestRenderingWhatIsThereChangesNoByte(t *testing.T) {
	g, m := corpus.New(32), corpus.New(33)
	for i := range 3000 {
		text := g.File()
		if i%2 == 0 {
			text = m.Mutated()
		}
		files := []source.File{{Path: "/etc/docker/daemon.json", Data: []byte(text)}}
		after := docker.Render(docker.Dialect.Parse(files, target).Table, files)
		if show(after) != show(files) {
			t.Fatalf("%s", udiff.Unified("had", "has", show(files), show(after)))
		}
	}
}

func TestForeignBytesSurvive(t *testing.T) {
	r, reworked := corpus.New(34), 0
	const foreign = "\t\"log-driver\":\"json-file\" ,\r\n"
	for i := range 600 {
		to := r.Table()
		if len(docker.Dialect.Losses(to)) > 0 {
			continue
		}
		text := "{\r\n" + foreign + "\t\"insecure-registries\": [\"old.example\"],\r\n\t\"registry-mirrors\": [\"https://old.example\"],\r\n\t\"debug\" : true\r\n}\r\n"
		if i%2 == 0 {
			text = "{\r\n" + foreign + "\t\"debug\" : true\r\n}\r\n"
		}
		if i%3 == 0 {
			text = "\xef\xbb\xbf" + text
		}
		have := []source.File{{Path: "/etc/docker/daemon.json", Data: []byte(text), Mode: 0o640}}
		after := docker.Render(to, have)
		if got, want := asked(t, docker.Dialect.Parse(after, target).Table), asked(t, to); got != want {
			t.Fatalf("table %d:\n%s\nfrom%s\nto%s", i, udiff.Unified("want", "got", want, got), show(have), show(after))
		}
		reworked++
		if !bytes.Contains(after[0].Data, []byte(foreign)) || !bytes.Contains(after[0].Data, []byte("\t\"debug\" : true")) {
			t.Fatalf("lost foreign bytes:%s", show(after))
		}
	}
	if reworked < 100 {
		t.Errorf("only %d files reworked", reworked)
	}
}
