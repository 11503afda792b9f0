// Package build makes the executables that a cluster is run from, each from Go modules pinned in a module of its own.
//
// What was built is kept under a key of its sources, so that a build happens once and later starts only look.
package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/saltside/soak-operator/hack/cluster/internal/filelock"
)

// Component is a set of executables built from one Go module.
type Component struct {
	// Name of the component, and of its folder.
	Name string
	// Purpose says what it is, and Takes how long a first build takes on two cores.
	Purpose, Takes string
	// Module is the folder of the Go module, relative to that of hack/cluster.
	Module string
	// Packages are built, each to an executable of its last element's name.
	Packages []string
	// LDFlags are given to the linker, after -s -w.
	LDFlags string
	// Static leaves C out, for an executable that must run in an image of its own.
	Static bool
}

// Builder builds components of the hack/cluster module in Source into folders below Target.
type Builder struct {
	Source, Target string
	// Log is told what is being built and why.
	Log io.Writer
	// InUse tells whether an older folder is still needed. Nil means that none is.
	InUse func(folder string) (bool, error)
}

// Get returns the folder of the component's executables, and builds them first if they are not there.
// Two processes that ask at once build once: the second waits.
func (b Builder) Get(ctx context.Context, c Component) (string, error) {
	key, err := b.key(c)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", c.Name, err)
	}
	folder := filepath.Join(b.Target, c.Name+"-"+key)
	if present(folder) {
		return folder, nil
	}
	if err := os.MkdirAll(b.Target, 0o755); err != nil {
		return "", fmt.Errorf("build %s: %w", c.Name, err)
	}
	unlock, err := filelock.Take(ctx, filepath.Join(b.Target, c.Name+".lock"))
	if err != nil {
		return "", fmt.Errorf("build %s: %w", c.Name, err)
	}
	defer unlock()
	if present(folder) {
		return folder, nil
	}
	if err := b.build(ctx, c, folder); err != nil {
		return "", err
	}
	return folder, b.removeOlder(c, folder)
}

func present(folder string) bool {
	_, err := os.Stat(folder)
	return err == nil
}

// build compiles into a folder beside the final one and renames it, so that what is there is whole.
func (b Builder) build(ctx context.Context, c Component, folder string) error {
	started := time.Now()
	_, _ = fmt.Fprintf(b.Log, "Building %s: %s. Once; it may take %s.\n", c.Name, c.Purpose, c.Takes) // progress only
	unfinished := folder + ".unfinished"
	if err := errors.Join(os.RemoveAll(unfinished), os.MkdirAll(unfinished, 0o755)); err != nil {
		return fmt.Errorf("build %s: %w", c.Name, err)
	}
	args := []string{"build", "-trimpath", "-ldflags", strings.TrimSpace("-s -w " + c.LDFlags), "-o", unfinished + "/"}
	cmd := exec.CommandContext(ctx, "go", append(args, c.Packages...)...)
	cmd.Dir = filepath.Join(b.Source, c.Module)
	// A workspace or flags of the caller must not change what is built.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false")
	if c.Static {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=0")
	}
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", c.Name, errors.Join(ctx.Err(), err), output.String())
	}
	if err := os.Rename(unfinished, folder); err != nil {
		return fmt.Errorf("build %s: %w", c.Name, err)
	}
	_, _ = fmt.Fprintf(b.Log, "Built %s in %s.\n", c.Name, time.Since(started).Round(time.Second)) // progress only
	return nil
}

// spared is how long a build is kept for a cluster that is being started from it just now, and that InUse cannot know.
const spared = 24 * time.Hour

// removeOlder deletes what earlier sources gave and nobody needs.
func (b Builder) removeOlder(c Component, keep string) error {
	folders, err := filepath.Glob(filepath.Join(b.Target, c.Name+"-*"))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		info, err := os.Stat(folder)
		if err != nil || folder == keep || time.Since(info.ModTime()) < spared || !isKey(strings.TrimPrefix(filepath.Base(folder), c.Name+"-")) {
			continue // also when another build has removed it just now
		}
		if b.InUse != nil {
			if used, err := b.InUse(folder); err != nil {
				return fmt.Errorf("remove an older build: %w", err)
			} else if used {
				continue
			}
		}
		if err := os.RemoveAll(folder); err != nil {
			return fmt.Errorf("remove an older build: %w", err)
		}
	}
	return nil
}

// isKey tells a key from the rest of a longer component's name, and takes a left-over of an interrupted build for one.
func isKey(s string) bool {
	_, err := hex.DecodeString(strings.TrimSuffix(s, ".unfinished"))
	return err == nil
}

// key is a digest of everything the executables depend on: the sources in the module, the flags, the Go release.
func (b Builder) key(c Component) (string, error) {
	digest := sha256.New()
	module := filepath.Join(b.Source, c.Module)
	_, _ = fmt.Fprintln(digest, runtime.Version(), runtime.GOOS, runtime.GOARCH, c.LDFlags, c.Static, c.Packages) // a hash never fails
	err := filepath.WalkDir(module, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path != module && skipped(path, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, "_test.go") {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(module, path)
		_, _ = fmt.Fprintln(digest, relative, len(content)) // a hash never fails
		_, _ = digest.Write(content)
		return err
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil))[:12], nil
}

// skipped tells the folders that are no part of a module: hidden ones, test data, and modules of their own.
func skipped(path, name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains([]string{"testdata", "components"}, name) || present(filepath.Join(path, "go.mod"))
}
