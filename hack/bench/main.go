// Command bench measures how long an iteration takes with the operator, and how long with a shell loop that does the same
// with helm and kubectl: with the same chart, on the same cluster, in turns. It fails if the operator is not as fast as it
// has to be.
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

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
	"github.com/saltside/soak-operator/hack/cluster"
)

var errInterrupted = errors.New("interrupted")

// options say what is measured.
type options struct {
	nodes cluster.Nodes
	// rounds in which the operator and the shell loop take turns, and iterations of each that are measured in one, after
	// a first that is not.
	rounds, iterations int
}

func main() {
	// What the client library has to say of a cluster that is being stopped is of no use to the reader.
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	// A first Ctrl-C ends what goes on and cleans up, a second one ends this process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	o, err := parse(ctx, arguments)
	if err != nil {
		return err
	}
	g, err := prepare(ctx, o.nodes)
	var results []comparison
	if err == nil {
		results, err = measure(ctx, g, o)
	}
	if ctx.Err() != nil { // Whatever has failed of it.
		err = errInterrupted
	}
	if err := errors.Join(err, g.leave(context.WithoutCancel(ctx), err)); err != nil {
		return err
	}
	fmt.Print("\n", report(results, o.nodes))
	return verdict(results, limitOf(o.nodes.Kind))
}

func parse(ctx context.Context, arguments []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	nodes := flags.String("nodes", "simulated:4", "nodes of the cluster: simulated:N or real:N")
	flags.IntVar(&o.rounds, "rounds", 3, "how often the operator and the shell loop take turns")
	flags.IntVar(&o.iterations, "iterations", 3, "how many iterations are measured in each turn, after one that is not")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	var err error
	if o.nodes, err = cluster.ParseNodes(*nodes); err != nil {
		return o, err
	}
	if o.nodes.Count == 0 {
		return o, errors.New("there must be nodes: NODES=simulated:4 or NODES=real:1")
	}
	if o.rounds < 1 || o.iterations < 1 {
		return o, errors.New("there must be rounds and iterations")
	}
	if reason := o.nodes.Unsupported(ctx); reason != "" {
		return o, fmt.Errorf("NODES=%s: %s", *nodes, reason)
	}
	return o, nil
}

// measure lets the shell loop and the operator take turns, with one market and with all, and says how it goes.
func measure(ctx context.Context, g *ground, o options) ([]comparison, error) {
	all, err := sampleMarkets(g.root)
	if err != nil {
		return nil, err
	}
	matrices := [][]soakv1alpha1.Market{all[:1], all}
	results := make([]comparison, len(matrices))
	for round := range o.rounds {
		for i, markets := range matrices {
			results[i].markets = len(markets)
			loop, err := runLoop(ctx, g, markets, o.iterations)
			if err != nil {
				return nil, fmt.Errorf("the shell loop: %w", err)
			}
			operated, err := runOperator(ctx, g, markets, o.iterations)
			if err != nil {
				return nil, fmt.Errorf("the operator: %w", err)
			}
			results[i].add(loop, operated)
			fmt.Printf("Round %d of %d, %d at a time: shell loop %s, operator %s.\n", round+1, o.rounds, len(markets),
				seconds(loop), seconds(operated.iterations))
		}
	}
	return results, nil
}

// laps are the times between the ends of iterations.
type laps struct {
	count int
	last  time.Time
	times []float64
}

// counted notes that so many iterations are over by now. The first one is a warm-up.
func (l *laps) counted(count int, now time.Time) {
	if l.count > 0 {
		each := now.Sub(l.last).Seconds() / float64(count-l.count) // two that end within one message share the time
		for range count - l.count {
			l.times = append(l.times, each)
		}
	}
	l.count, l.last = count, now
}
