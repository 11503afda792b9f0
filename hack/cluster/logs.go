package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/saltside/soak-operator/hack/cluster/internal/build"
)

// launcherName is the executable of [build.Launcher].
const launcherName = "cluster"

// Launcher is this module's own command as an executable, built if need be.
func Launcher(ctx context.Context) (string, error) {
	home, err := findHome(ctx)
	if err != nil {
		return "", err
	}
	folder, err := home.builder(io.Discard).Get(ctx, build.Launcher)
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, launcherName), nil
}

// KeepLogs copies the logs of all processes and the audit log to a folder that outlives the cluster, and names it.
func (c *Cluster) KeepLogs() (string, error) {
	// <home>/.local/clusters/<name> -> <home>/.local/logs/<name>
	kept := filepath.Join(filepath.Dir(filepath.Dir(c.Folder())), "logs", c.Name())
	if err := os.RemoveAll(kept); err != nil {
		return "", fmt.Errorf("keep logs: %w", err)
	}
	if err := os.CopyFS(kept, os.DirFS(filepath.Dir(c.LogFile("any")))); err != nil {
		return "", fmt.Errorf("keep logs: %w", err)
	}
	audit, err := os.ReadFile(c.AuditLog())
	if err != nil {
		return "", fmt.Errorf("keep the audit log: %w", err)
	}
	return kept, os.WriteFile(filepath.Join(kept, filepath.Base(c.AuditLog())), audit, 0o600)
}
