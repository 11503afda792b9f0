package operator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// readyLimit is how long the operator may take from its start until its caches are synced.
	readyLimit = 30 * time.Second
	// lookInterval is how often it is asked whether it is ready.
	lookInterval = 50 * time.Millisecond
)

var errEnded = errors.New("nobody had asked for it")

// Options of a process of the operator.
type Options struct {
	// Binary that Build has made, and Kubeconfig that Install has.
	Binary     string
	Kubeconfig []byte
	// Folder for the kubeconfig and the log; it must exist.
	Folder string
	// Arguments beyond those that it cannot do without.
	Arguments []string
}

// Process of the operator.
type Process struct {
	command *exec.Cmd
	log     string
	ended   chan struct{}
	err     error // once it has ended
}

// Start starts the operator and returns when it is ready: when its caches are synced, which says nothing about whether
// it leads. It goes on when the context ends: see Stop and Kill. Its log is added to that of the process before it.
func Start(ctx context.Context, options Options) (*Process, error) {
	kubeconfig := filepath.Join(options.Folder, "operator.kubeconfig")
	if err := os.WriteFile(kubeconfig, options.Kubeconfig, 0o600); err != nil {
		return nil, err
	}
	path := filepath.Join(options.Folder, "operator.log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // The process has its own.
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	arguments := append([]string{
		"--kubeconfig", kubeconfig, "--health-probe-bind-address", address, "--leader-election-namespace", Namespace, "--metrics-bind-address", "0",
	}, options.Arguments...)
	process := &Process{
		command: exec.CommandContext(context.WithoutCancel(ctx), options.Binary, arguments...),
		log:     path,
		ended:   make(chan struct{}),
	}
	process.command.Stdout, process.command.Stderr = log, log
	process.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for whoever started it.
	if err := process.command.Start(); err != nil {
		return nil, fmt.Errorf("start the operator: %w", err)
	}
	go func() {
		process.err = process.command.Wait()
		close(process.ended)
	}()
	if err := process.awaitReady(ctx, "http://"+address+"/readyz"); err != nil {
		process.Kill()
		return nil, fmt.Errorf("the operator is not ready, see %s: %w", path, err)
	}
	return process, nil
}

// freeAddress is one that nobody listened on a moment ago.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func (p *Process) awaitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			if err = response.Body.Close(); err == nil && response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-look.C:
		case <-p.ended:
			return fmt.Errorf("it ended: %w", errors.Join(errEnded, p.err))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Log is the file that it writes its log to.
func (p *Process) Log() string { return p.log }

// PID of the process.
func (p *Process) PID() int { return p.command.Process.Pid }

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Kill ends the process as a power cut would, and returns when it has.
func (p *Process) Kill() {
	_ = p.command.Process.Kill() // It can only have ended before.
	<-p.ended
}

// Signal sends a signal to the process.
func (p *Process) Signal(signal os.Signal) error { return p.command.Process.Signal(signal) }

// Stop asks the process to end, and returns when it has, with an error if it did not end well.
func (p *Process) Stop(ctx context.Context) error {
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		return fmt.Errorf("the operator does not end: %w", ctx.Err())
	}
}
