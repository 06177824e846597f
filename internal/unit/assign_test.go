package unit

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/source"
)

func TestASettingIsChangedWhereTheAdministratorSetIt(t *testing.T) {
	main := file("/usr/lib/systemd/system/x.service", "[Service]", "LimitNOFILE=1024", "ExecStart=/x")
	own := file("/etc/systemd/system/x.service.d/a.conf", "[Service]", "LimitNOFILE=64 ", "[Unit]")
	for name, c := range map[string]struct {
		parts []source.File
		file  string
		want  string
	}{
		"nobody but the package": {[]source.File{main}, "/etc/systemd/system/x.service.d/limits.conf", "[Service]\nLimitNOFILE=9999\n"},
		"a drop-in":              {[]source.File{main, own}, own.Path, "[Service]\nLimitNOFILE=9999 \n[Unit]\n"},
		"the drop-in of that name": {[]source.File{main, file("/etc/systemd/system/x.service.d/limits.conf", "[Service]", "TasksMax=9")},
			"/etc/systemd/system/x.service.d/limits.conf", "[Service]\nTasksMax=9\nLimitNOFILE=9999\n"},
	} {
		s := Service{Name: "x.service", Parts: c.parts}
		change := s.Assign("LimitNOFILE", "9999", "limits.conf")
		if len(change.Edits) != 1 || !change.Reload || change.Edits[0].File != c.file {
			t.Errorf("%s: %+v, want one edit of %s", name, change, c.file)
			continue
		}
		got := change.Edits[0].New
		if have := source.Find(c.parts, c.file); have != nil {
			data, err := source.Apply(have.Data, change.Edits)
			if err != nil {
				t.Fatal(err)
			}
			got = string(data)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if c := (Service{}).Assign("LimitNOFILE", "1", "x.conf"); len(c.Edits) > 0 {
		t.Errorf("a program without a unit: %+v", c)
	}
}
