// Command cluster starts and stops a Kubernetes on this machine, and breaks it on request.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/saltside/soak-operator/hack/cluster"
	"github.com/saltside/soak-operator/hack/cluster/internal/realnode"
	"github.com/saltside/soak-operator/hack/cluster/internal/sandbox"
)

const usage = `Runs a Kubernetes on this machine, built from Go modules.

  cluster up       [--name NAME] [--nodes none|simulated:N|real:N]
  cluster down     [--name NAME | --all]   end every process and remove the folder
  cluster list                             clusters and whether they run
  cluster env      [--name NAME]           shell lines that set PATH and KUBECONFIG
  cluster image    [--name NAME] PROGRAM IMAGE
                                           make an image of a static executable for real nodes

Faults, on a running cluster:

  cluster processes [--name NAME]
  cluster stop|kill|freeze|thaw|restart [--name NAME] PROCESS
  cluster bad      [--name NAME] [--cause container-runtime|kubelet] NODE
  cluster good     [--name NAME] NODE

NAME is "dev" unless said otherwise, and --nodes simulated:4.
`

func main() {
	// A first Ctrl-C ends what is going on and cleans up, a second one ends the launcher.
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, cancel)
	err := run(ctx, os.Args[1:], os.Stdout)
	cancel()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// arguments that the commands take.
type arguments struct {
	name, nodes, cause string
	all                bool
	rest               []string
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		_, err := io.WriteString(out, usage)
		return err
	}
	var a arguments
	flags := flag.NewFlagSet("cluster "+args[0], flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), usage) }
	flags.StringVar(&a.name, "name", "dev", "")
	flags.StringVar(&a.nodes, "nodes", "simulated:4", "")
	flags.StringVar(&a.cause, "cause", string(cluster.ContainerRuntime), "")
	flags.BoolVar(&a.all, "all", false, "")
	command, found := commands[args[0]]
	if !found {
		return fmt.Errorf("unknown command %q\n\n%s", args[0], usage)
	}
	if command.raw {
		a.rest = args[1:]
		return command.run(ctx, a, out)
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if a.rest = flags.Args(); len(a.rest) != command.operands {
		return fmt.Errorf("%s takes %d operands, not %d: %s\n\n%s", args[0], command.operands, len(a.rest), strings.Join(a.rest, " "), usage)
	}
	return command.run(ctx, a, out)
}

type command struct {
	// operands is how many arguments it takes after the flags.
	operands int
	// raw leaves all arguments to the command.
	raw bool
	run func(ctx context.Context, a arguments, out io.Writer) error
}

var commands = map[string]command{
	"up":        {run: up},
	"down":      {run: down},
	"list":      {run: list},
	"env":       {run: env},
	"image":     {operands: 2, run: image},
	"processes": {run: processes},
	"stop":      {operands: 1, run: onProcess((*cluster.Cluster).StopProcess)},
	"restart":   {operands: 1, run: onProcess((*cluster.Cluster).Restart)},
	"kill":      {operands: 1, run: onProcess(immediate((*cluster.Cluster).Kill))},
	"freeze":    {operands: 1, run: onProcess(immediate((*cluster.Cluster).Freeze))},
	"thaw":      {operands: 1, run: onProcess(immediate((*cluster.Cluster).Thaw))},
	"good":      {operands: 1, run: onProcess((*cluster.Cluster).MakeGood)},
	"bad":       {operands: 1, run: bad},
	"guard":     {operands: 1, run: guard},
	"enter":     {raw: true, run: enter},
	"forward":   {operands: 3, run: forward},
}

func up(ctx context.Context, a arguments, out io.Writer) error {
	nodes, err := cluster.ParseNodes(a.nodes)
	if err != nil {
		return err
	}
	c, err := cluster.Start(ctx, cluster.Options{Name: a.name, Nodes: nodes, Log: out})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Cluster %s (%s) is ready. To use it:\n\n%s\n", a.name, nodes, environment(c))
	return err
}

func environment(c *cluster.Cluster) string {
	return fmt.Sprintf("  export KUBECONFIG=%s\n  export PATH=%s:$PATH\n", c.Kubeconfig(), c.Tools())
}

func down(ctx context.Context, a arguments, out io.Writer) error {
	names := []string{a.name}
	if a.all {
		var err error
		if names, err = cluster.List(ctx); err != nil {
			return err
		}
	}
	var failed error
	for _, name := range names {
		if err := cluster.Remove(ctx, name); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		fmt.Fprintf(out, "Cluster %s is gone.\n", name)
	}
	return failed
}

func list(ctx context.Context, _ arguments, out io.Writer) error {
	names, err := cluster.List(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		status := "broken: only `down` helps"
		if c, err := cluster.Open(ctx, name); err == nil {
			status = c.Nodes().String()
			if missing, err := c.Missing(); err != nil {
				return err
			} else if len(missing) > 0 {
				status += ", not running: " + strings.Join(missing, ", ")
			}
		}
		fmt.Fprintf(out, "%s\t%s\n", name, status)
	}
	return nil
}

func env(ctx context.Context, a arguments, out io.Writer) error {
	c, err := cluster.Open(ctx, a.name)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, environment(c))
	return err
}

func image(ctx context.Context, a arguments, _ io.Writer) error {
	c, err := cluster.Open(ctx, a.name)
	if err != nil {
		return err
	}
	return c.GiveImage(ctx, a.rest[0], a.rest[1])
}

func processes(ctx context.Context, a arguments, out io.Writer) error {
	c, err := cluster.Open(ctx, a.name)
	if err != nil {
		return err
	}
	for _, name := range c.Processes() {
		fmt.Fprintf(out, "%s\t%s\n", name, c.LogFile(name))
	}
	return nil
}

func onProcess(do func(*cluster.Cluster, context.Context, string) error) func(context.Context, arguments, io.Writer) error {
	return func(ctx context.Context, a arguments, _ io.Writer) error {
		c, err := cluster.Open(ctx, a.name)
		if err != nil {
			return err
		}
		return do(c, ctx, a.rest[0])
	}
}

func immediate(do func(*cluster.Cluster, string) error) func(*cluster.Cluster, context.Context, string) error {
	return func(c *cluster.Cluster, _ context.Context, name string) error { return do(c, name) }
}

func bad(ctx context.Context, a arguments, _ io.Writer) error {
	c, err := cluster.Open(ctx, a.name)
	if err != nil {
		return err
	}
	return c.MakeBad(ctx, a.rest[0], cluster.Cause(a.cause))
}

// guard removes a cluster as soon as its standard input ends. Whoever holds the other end of that pipe may die
// in any way, and the cluster does not outlive it.
func guard(_ context.Context, a arguments, _ io.Writer) error {
	_, err := io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, cluster.Remove(context.Background(), a.rest[0]))
}

// enter replaces this process by a command that runs in a sandbox: enter FILE -- COMMAND...
func enter(ctx context.Context, a arguments, _ io.Writer) error {
	if len(a.rest) < 3 || a.rest[1] != "--" {
		return errors.New("enter takes the file of a sandbox, two dashes, and a command")
	}
	return sandbox.Enter(ctx, a.rest[0], a.rest[2:])
}

// forward hands on what comes to an address on a network interface to another address: forward INTERFACE ADDRESS ADDRESS.
func forward(ctx context.Context, a arguments, _ io.Writer) error {
	return realnode.Forward(ctx, a.rest[0], a.rest[1], a.rest[2])
}
