package realnode

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Tools are things this machine lacks. It is an error that says how to mend it.
type Tools []Tool //nolint:errname // it is a list first, which is an error when it is not empty

// Tool is what real nodes need of this machine, and cannot be built from Go modules as well.
type Tool struct {
	// Name of the tool, its Purpose (to do what), and the Debian Package that has it.
	Name, Purpose, Package string
}

var (
	runcTool = Tool{Name: "runc", Purpose: "start containers", Package: "runc"}
	cniTool  = Tool{Name: "the CNI plugins bridge, host-local and loopback", Purpose: "give pods a network", Package: "containernetworking-plugins"}
)

// Missing lists the tools that are not there; it is empty when all are.
func Missing() Tools {
	var missing Tools
	if runc() == "" {
		missing = append(missing, runcTool)
	}
	if cniFolder() == "" {
		missing = append(missing, cniTool)
	}
	return missing
}

func (t Tools) Error() string {
	var what, packages []string
	for _, tool := range t {
		what = append(what, tool.Name+" (to "+tool.Purpose+")")
		packages = append(packages, tool.Package)
	}
	return fmt.Sprintf("this machine lacks %s; on Debian and Ubuntu: apt-get install --no-install-recommends %s",
		strings.Join(what, " and "), strings.Join(packages, " "))
}

// Install installs the Debian packages of the tools, and tells log which and why.
func (t Tools) Install(ctx context.Context, log io.Writer) error {
	if len(t) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return t
	}
	install := []string{"install", "--yes", "--no-install-recommends"}
	for _, tool := range t {
		_, _ = fmt.Fprintf(log, "Installing the Debian package %s: it has %s, to %s.\n", tool.Package, tool.Name, tool.Purpose) // progress only
		install = append(install, tool.Package)
	}
	output, err := apt(ctx, install)
	if err != nil {
		// The usual reason is that the list of packages is old, or was never fetched.
		if _, err := apt(ctx, []string{"update"}); err != nil {
			return fmt.Errorf("update the list of Debian packages: %w", err)
		}
		output, err = apt(ctx, install)
	}
	if err != nil {
		return fmt.Errorf("install Debian packages: %w\n%s", err, output)
	}
	if still := Missing(); len(still) > 0 {
		return still
	}
	return nil
}

func apt(ctx context.Context, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	// The search path of a user who became root may lack the administrator's folders, which packages need.
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "PATH="+os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin")
	output, err := cmd.CombinedOutput()
	return string(output), err
}

// runc is the path of the executable, or empty.
func runc() string {
	if path, err := exec.LookPath("runc"); err == nil {
		return path
	}
	// See apt for why that may fail.
	for _, folder := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if executable(filepath.Join(folder, "runc")) {
			return filepath.Join(folder, "runc")
		}
	}
	return ""
}

// cniFolder is the folder of the CNI plugins: Debian's, Fedora's, or where the project itself says they should be.
func cniFolder() string {
	for _, folder := range []string{"/usr/lib/cni", "/usr/libexec/cni", "/opt/cni/bin"} {
		all := true
		for _, plugin := range []string{"bridge", "host-local", "loopback"} {
			all = all && executable(filepath.Join(folder, plugin))
		}
		if all {
			return folder
		}
	}
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
