package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

//go:embed loop.sh
var loopScript []byte

// turnLimit is how long a turn may take, of the shell loop or of the operator.
const turnLimit = 10 * time.Minute

// runLoop lets the shell loop deliver the markets, and returns how long each iteration took but the first, in seconds.
// Nothing of its releases is left.
func runLoop(ctx context.Context, g *ground, markets []soakv1alpha1.Market, iterations int) (_ []float64, err error) {
	folder, err := os.MkdirTemp("", "soak-bench-loop-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	script := filepath.Join(folder, "loop.sh")
	if err := os.WriteFile(script, loopScript, 0o600); err != nil {
		return nil, err
	}
	arguments := []string{script, g.chart, releaseNamespace, folder, strconv.Itoa(1 + iterations)}
	for _, market := range markets {
		values := []byte("{}")
		if market.Values != nil {
			values = market.Values.Raw // JSON is YAML
		}
		if err := os.WriteFile(filepath.Join(folder, market.Name+".yaml"), values, 0o600); err != nil {
			return nil, err
		}
		arguments = append(arguments, market.Name)
	}
	times, err := timeLoop(ctx, g, arguments)
	if err != nil {
		return nil, err
	}
	if len(times) != iterations {
		return nil, fmt.Errorf("it has told of the end of %d iterations, not of %d", len(times), iterations)
	}
	return times, clearUp(ctx, g, markets)
}

// timeLoop runs bash with the arguments and takes the time whenever it says that an iteration is over.
func timeLoop(ctx context.Context, g *ground, arguments []string) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, turnLimit)
	defer cancel()
	logFile := filepath.Join(g.Folder(), "loop.log")
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // The script has its own.
	command := exec.CommandContext(ctx, "bash", arguments...)
	command.Env = append(os.Environ(), "KUBECONFIG="+g.Kubeconfig(), "PATH="+g.Tools()+":"+os.Getenv("PATH"))
	command.Stderr = log
	// Whatever it runs beside itself ends with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endAll := func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.Cancel = endAll
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	var laps laps
	for lines := bufio.NewScanner(output); lines.Scan(); {
		laps.counted(laps.count+1, time.Now())
	}
	err = command.Wait()
	_ = endAll() // There may be nobody left.
	if err != nil {
		return nil, fmt.Errorf("%w: %s", errors.Join(context.Cause(ctx), err), endOf(logFile))
	}
	return laps.times, nil
}

// endOf a log is what tells why it ended.
func endOf(file string) string {
	const limit = 2000
	content, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-limit):])
}

// clearUp takes away the releases of the shell loop, and what they leave: hooks and claims.
func clearUp(ctx context.Context, g *ground, markets []soakv1alpha1.Market) error {
	for _, market := range markets {
		if _, err := g.Helm(ctx, "uninstall", releaseOf(market), "-n", releaseNamespace); err != nil {
			return err
		}
	}
	_, err := g.Kubectl(ctx, "delete", "jobs,pods,persistentvolumeclaims,replicasets", "-n", releaseNamespace,
		"-l", "app.kubernetes.io/name=classifieds", "--timeout=2m")
	return err
}
