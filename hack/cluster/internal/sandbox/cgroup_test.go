package sandbox

import (
	"slices"
	"testing"
)

func TestHierarchies(t *testing.T) {
	tests := map[string]struct {
		mountinfo string
		want      []string
	}{
		"version 2": {
			mountinfo: "22 1 0:20 / / rw - ext4 /dev/sda1 rw\n" +
				"30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
			want: []string{"/sys/fs/cgroup"},
		},
		"hybrid": {
			mountinfo: "30 22 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
				"31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 master:2 - cgroup cgroup rw,cpu,cpuacct\n" +
				"32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n" +
				"33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			want: []string{"/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"},
		},
		"mounted twice": {
			mountinfo: "30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n" +
				"31 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
			want: []string{"/sys/fs/cgroup"},
		},
		"none": {mountinfo: "22 1 0:20 / / rw - ext4 /dev/sda1 rw\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := parseHierarchies(test.mountinfo); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestHolds(t *testing.T) {
	tests := map[string]struct {
		membership string
		want       bool
	}{
		"in it":                  {"8:pids:/\n5:memory:/soak1/node\n", true},
		"below it":               {"0::/soak1/node/kubepods/pod1\n", true},
		"below a root of others": {"0::/docker/abc/soak1/node/system\n", true},
		"another node's":         {"0::/soak1/node-b\n", false},
		"another cluster's":      {"0::/soak10/node\n", false},
		"above it":               {"0::/soak1\n", false},
		"elsewhere":              {"0::/\n", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Cgroup("/soak1/node").holds(test.membership); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

// A cgroup that is not one of ours must not be touched, least of all that of everything.
func TestRemoveRefuses(t *testing.T) {
	for _, c := range []Cgroup{"", "/", "soak", "/soak/../system.slice", "//"} {
		if folders, err := c.folders(); err == nil {
			t.Errorf("%q is taken for the folders %q", c, folders)
		}
	}
}
