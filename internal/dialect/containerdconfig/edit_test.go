package containerdconfig

import (
	"slices"
	"testing"

	"github.com/towpath-dev/towpath/internal/source"
)

func TestSetConfigPathWritesWhereTheContainerdReads(t *testing.T) {
	for _, c := range []struct{ name, version, before, after string }{
		{"over an old value", "1.7.35",
			"version = 2\n[" + oldTable + ".registry]\n  config_path = '/old' # why\n",
			"version = 2\n[" + oldTable + ".registry]\n  config_path = \"/new\" # why\n"},
		{"into an empty table", "2.4.2",
			"version = 2\n\t[" + oldTable + ".registry]   # here\n[debug]\n",
			"version = 2\n\t[" + oldTable + ".registry]   # here\n\t  config_path = \"/new\"\n[debug]\n"},
		{"beside other keys", "2.4.2",
			"version = 3\r\n[" + newTable3 + ".registry]\r\n\theaders = { A = ['1'] }\r\n",
			"version = 3\r\n[" + newTable3 + ".registry]\r\n\tconfig_path = \"/new\"\r\n\theaders = { A = ['1'] }\r\n"},
		{"into an inline table", "1.6.20",
			"version = 2\n[" + oldTable + "]\nregistry = { headers = { A = ['1'] } }\n",
			"version = 2\n[" + oldTable + "]\nregistry = { config_path = \"/new\", headers = { A = ['1'] } }\n"},
		{"into an empty inline table", "2.4.2",
			"version = 2\n[" + oldTable + "]\nregistry = {}\n",
			"version = 2\n[" + oldTable + "]\nregistry = { config_path = \"/new\"}\n"},
		{"beside dotted keys", "2.4.2",
			"version = 2\n[" + oldTable + "]\n  registry.headers.A = ['1']\n",
			"version = 2\n[" + oldTable + "]\n  registry.config_path = \"/new\"\n  registry.headers.A = ['1']\n"},
		{"behind the last line", "1.7.35",
			"version = 2",
			"version = 2\n\n[" + oldTable + ".registry]\n  config_path = \"/new\"\n"},
		{"in version 1", "1.6.20",
			"root = '/r'\n",
			"root = '/r'\n\n[plugins.cri.registry]\n  config_path = \"/new\"\n"},
		{"without a version, on containerd 2", "2.4.2",
			"root = '/r'\n",
			"root = '/r'\n\n[" + newTable3 + ".registry]\n  config_path = \"/new\"\n"},
		{"in version 2 on containerd 2", "2.2.7",
			"version = 2\n",
			"version = 2\n\n[" + oldTable + ".registry]\n  config_path = \"/new\"\n"},
		{"under a table that stands below", "1.7.35",
			"version = 2\n[" + oldTable + ".registry.headers]\nA = ['1']\n",
			"version = 2\n[" + oldTable + ".registry.headers]\nA = ['1']\n\n[" + oldTable + ".registry]\n  config_path = \"/new\"\n"},
		{"in an empty file", "2.4.2", "",
			"[" + newTable3 + ".registry]\n  config_path = \"/new\"\n"},
	} {
		files := one(c.before)
		edits := Read(files, "", containerd(c.version)).SetConfigPath("/new")
		if got := apply(t, files, edits); got != c.after {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.after)
		}
	}
}

func TestTheSettingGoesToTheFileWhoseTableCounts(t *testing.T) {
	main := "version = 2\nimports = [\"conf.d/*.toml\"]\n[" + oldTable + ".registry]\n  config_path = \"/old\"\n"
	drop := "version = 2\n[" + oldTable + "]\n  sandbox_image = \"r/p:1\"\n"
	for version, want := range map[string]string{"1.7.35": "/etc/containerd/conf.d/1.toml", "2.4.2": DefaultPath} {
		edits := Read(dropIns(main, drop), "", containerd(version)).SetConfigPath("/new")
		if len(edits) != 1 || edits[0].File != want {
			t.Errorf("%s: got %+v, want an edit of %s", version, edits, want)
		}
	}
}

func TestAFileThatIsNotThereIsCreated(t *testing.T) {
	for version, want := range map[string]string{
		"1.7.35": "version = 2\n\n[" + oldTable + ".registry]\n  config_path = \"/new\"\n",
		"2.4.2":  "version = 3\n\n[" + newTable3 + ".registry]\n  config_path = \"/new\"\n",
	} {
		edits := Read(nil, "", containerd(version)).SetConfigPath("/new")
		if len(edits) != 1 || edits[0].Op != source.Create || edits[0].New != want {
			t.Errorf("%s: got %+v", version, edits)
		}
	}
}

func TestNoEditIsOfferedThatWouldNotHelp(t *testing.T) {
	for name, text := range map[string]string{
		"a file that is no TOML": "version = = 2\n",
		"a daemon that is down":  "version = 9\n",
		"a table of a list":      "version = 2\nplugins = 5\n",
	} {
		if edits := Read(one(text), "", containerd("2.4.2")).SetConfigPath("/new"); edits != nil {
			t.Errorf("%s: got %+v", name, edits)
		}
	}
}

func TestTheCRIPluginIsTakenOffTheListAndNothingElse(t *testing.T) {
	for _, c := range []struct{ before, after string }{
		{"disabled_plugins = [\"cri\"]\n", "disabled_plugins = []\n"},
		{"disabled_plugins = [ \"cri\", \"aufs\" ] # both\n", "disabled_plugins = [ \"aufs\" ] # both\n"},
		{"disabled_plugins = [\n  \"aufs\", # old\n  \"cri\"\n]\n", "disabled_plugins = [\n  \"aufs\", # old\n  \n]\n"},
		{"disabled_plugins = ['aufs', 'cri', 'zfs']\n", "disabled_plugins = ['aufs', 'zfs']\n"},
		{"disabled_plugins = ['cri', 'cri']\n", "disabled_plugins = []\n"},
	} {
		files := one(c.before)
		if got := apply(t, files, Read(files, "", containerd("1.6.20")).EnableCRI()); got != c.after {
			t.Errorf("got %q, want %q", got, c.after)
		}
	}
}

func TestTheSandboxImageHasAnotherNameInEachVersion(t *testing.T) {
	for _, c := range []struct{ version, before, after string }{
		{"1.6.20", "version = 2\n[" + oldTable + "]\n", "version = 2\n[" + oldTable + "]\n  sandbox_image = \"r/p:1\"\n"},
		{"2.4.2", "version = 2\n[" + oldTable + "]\nsandbox_image = 'x'\n", "version = 2\n[" + oldTable + "]\nsandbox_image = \"r/p:1\"\n"},
		{"2.4.2", "version = 3\n", "version = 3\n\n[" + newTable3 + ".pinned_images]\n  sandbox = \"r/p:1\"\n"},
	} {
		files := one(c.before)
		if got := apply(t, files, Read(files, "", containerd(c.version)).SetSandbox("r/p:1")); got != c.after {
			t.Errorf("%s: got\n%s\nwant\n%s", c.version, got, c.after)
		}
	}
}

func TestEditsKeepToTheirPlaces(t *testing.T) {
	text := "version = 2\n[" + oldTable + ".registry]\n  config_path = \"/old\"\n"
	c := Read(one(text), "", containerd("1.7.35"))
	edits := slices.Concat(c.SetConfigPath("/new"), c.SetSandbox("r/p:1"))
	if got := apply(t, one(text), edits); got != "version = 2\n["+oldTable+".registry]\n  config_path = \"/new\"\n\n["+oldTable+"]\n  sandbox_image = \"r/p:1\"\n" {
		t.Errorf("got\n%s", got)
	}
}
