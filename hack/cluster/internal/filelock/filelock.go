// Package filelock lets processes take turns. The kernel lets a lock go when its process ends, however it ends.
package filelock

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Take waits for the lock of that file, which is created if need be, and returns how to let it go.
func Take(ctx context.Context, path string) (release func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	taken := make(chan error, 1)
	go func() { taken <- syscall.Flock(int(file.Fd()), syscall.LOCK_EX) }()
	select {
	case err := <-taken:
		if err != nil {
			_ = file.Close() // the lock's error says more
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		return func() { _ = file.Close() }, nil // closing lets the lock go
	case <-ctx.Done():
		go func() { _, _ = <-taken, file.Close() }() // taken in the end, and let go at once
		return nil, fmt.Errorf("wait for the lock %s: %w", path, ctx.Err())
	}
}
