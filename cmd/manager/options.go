package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
)

// options are what the command line says.
type options struct {
	kubeconfig              string
	maxConcurrentOperations int
	healthProbeAddress      string
	metricsAddress          string
	leaderElect             bool
	leaderElectionNamespace string
	logLevel                slog.Level
	version                 bool
}

// parse reads the arguments of the command line, and prints to output what is wrong with them, or what there are.
func parse(arguments []string, output io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&o.kubeconfig, "kubeconfig", "",
		"file that says how to reach the API server; else that of KUBECONFIG, that of the home folder, or in a pod none")
	flags.IntVar(&o.maxConcurrentOperations, "max-concurrent-operations", 20,
		"how many steps of all experiments are at work at a time; the others wait, and no deadline runs while they do")
	flags.StringVar(&o.healthProbeAddress, "health-probe-bind-address", ":8081",
		"where /healthz and /readyz are served; 0 serves neither")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443",
		"where /metrics is served, over TLS and to whom the API server allows to get it; 0 serves none")
	flags.BoolVar(&o.leaderElect, "leader-elect", true,
		"let only one of several managers act; turn it off only where there can never be two")
	flags.StringVar(&o.leaderElectionNamespace, "leader-election-namespace", "",
		"namespace of the lease; in a pod, its own unless said")
	flags.TextVar(&o.logLevel, "log-level", slog.LevelInfo, "least level that is logged: debug, info, warn or error")
	flags.BoolVar(&o.version, "version", false, "print the version, and end")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	var wrong []error
	if flags.NArg() > 0 {
		wrong = append(wrong, fmt.Errorf("there is nothing but flags, and no %q", flags.Arg(0)))
	}
	if o.maxConcurrentOperations < 1 {
		wrong = append(wrong, fmt.Errorf("--max-concurrent-operations must be at least 1, and is %d", o.maxConcurrentOperations))
	}
	return o, errors.Join(wrong...)
}
