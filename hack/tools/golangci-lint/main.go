// Command golangci-lint is golangci-lint with kube-api-linter linked in.
//
// It is what "golangci-lint custom" would build, without cloning golangci-lint
// from its repository: both are ordinary dependencies here, so go.sum pins what
// is run, and the Go module proxy is all that is needed to build it. It adds no
// behaviour of its own.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/golangci/golangci-lint/v2/pkg/commands"
	"github.com/golangci/golangci-lint/v2/pkg/exitcodes"

	// Registers the module plugin "kubeapilinter".
	_ "sigs.k8s.io/kube-api-linter"
)

func main() {
	if err := commands.Execute(buildInfo()); err != nil {
		fmt.Fprintln(os.Stderr, "golangci-lint:", err)
		os.Exit(exitcodes.Failure)
	}
}

// buildInfo names both pinned versions in one: golangci-lint keys its cache of
// findings by the version, so that without the plugin's in it a newer plugin
// would be answered with the findings of the older.
func buildInfo() commands.BuildInfo {
	info := commands.BuildInfo{Commit: "hack/tools", Date: "(unknown)"}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info // Without a version the cache is keyed by the binary itself.
	}
	info.GoVersion = build.GoVersion
	versions := map[string]string{}
	for _, dep := range build.Deps {
		versions[dep.Path] = dep.Version
	}
	info.Version = versions["github.com/golangci/golangci-lint/v2"] +
		"+kube-api-linter." + versions["sigs.k8s.io/kube-api-linter"]
	return info
}
