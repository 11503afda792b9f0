// Command demo shows the operator at its main job, on real input: it starts a cluster and the operator, applies
// config/samples, breaks a node on the way, and shows what kubectl shows of it until the experiment has ended by its own
// rule. Then it checks what came out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/saltside/soak-operator/hack/cluster"
)

// kubeconfigVariable is the environment variable by which a cluster of somebody else's is used, as the tests do.
const kubeconfigVariable = "SOAK_CLUSTER_KUBECONFIG"

var errInterrupted = errors.New("interrupted")

// options say what the demo runs on.
type options struct {
	nodes cluster.Nodes
	// kubeconfig of a cluster that was not started by us; empty for one of our own.
	kubeconfig string
	// keep all of it running when the demo is over.
	keep bool
}

func main() {
	// What the client library has to say of a cluster that is being stopped is of no use to the reader.
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	// A first Ctrl-C ends what goes on and cleans up, a second one ends this process. So does a terminal that is closed. A
	// reader of the output that goes away does the first only: what is said while cleaning up must not be the second.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	o, err := parse(ctx, arguments)
	if err != nil {
		return err
	}
	screen := newScreen(os.Stdout)
	g, err := prepare(ctx, o, screen)
	if err == nil {
		err = play(ctx, g, screen)
	}
	if ctx.Err() != nil { // Whatever has failed of it.
		err = errInterrupted
	}
	return errors.Join(err, g.leave(context.WithoutCancel(ctx), err, screen))
}

func parse(ctx context.Context, arguments []string) (options, error) {
	o := options{kubeconfig: os.Getenv(kubeconfigVariable)}
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	nodes := flags.String("nodes", "simulated:4", "nodes of the cluster: simulated:N or real:N")
	flags.BoolVar(&o.keep, "keep", false, "leave all of it running")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	var err error
	if o.nodes, err = cluster.ParseNodes(*nodes); err != nil {
		return o, err
	}
	if o.nodes.Count == 0 {
		return o, errors.New("the demo needs nodes: NODES=simulated:4 or NODES=real:1")
	}
	if o.kubeconfig == "" {
		if reason := o.nodes.Unsupported(ctx); reason != "" {
			return o, fmt.Errorf("NODES=%s: %s", *nodes, reason)
		}
	}
	return o, nil
}

// play applies the sample, shows it until it has finished, and checks what came out.
func play(ctx context.Context, g *ground, screen *screen) error {
	if err := applySample(ctx, g, screen); err != nil {
		return err
	}
	trouble := &fault{ground: g}
	began := time.Now()
	experiment, err := follow(ctx, g, trouble, screen)
	if err := errors.Join(err, trouble.end(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	screen.say("It has finished after %s. %s.", took(began), experiment.Status.Summary.Status)
	if trouble.cause != "" {
		screen.say("Why iteration %d failed: %s", trouble.iteration, trouble.cause)
	}
	cells, err := cellsOf(ctx, g, experiment)
	if err != nil {
		return err
	}
	if err := asError(outcome{experiment, cells, trouble}.complaints()); err != nil {
		return err
	}
	screen.say("All came out as it should: each iteration was counted once, in the experiment and in its %d cells.", len(cells))
	return nil
}

// took says how long something took, for people.
func took(since time.Time) string {
	const exact = 10 * time.Second
	spent := time.Since(since)
	if spent < exact {
		return spent.Round(100 * time.Millisecond).String()
	}
	return spent.Round(time.Second).String()
}
