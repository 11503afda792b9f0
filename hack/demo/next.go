package main

import (
	"fmt"
	"slices"
	"strings"
)

// commands are what to look at next, and what for.
var commands = [][2]string{
	{"kubectl get soak -n soak -o wide", "why an iteration failed, and what success rate is shown"},
	{"kubectl describe soak classifieds -n soak", "all that is known of the experiment, and its events"},
	{"kubectl get soakruns -n soak", "its runs: a changed definition starts another one"},
	{"kubectl get soakcells -n soak -o yaml", "what each market and environment has counted, and its last failure"},
	{"kubectl get events -n soak", "what has happened to them"},
	{"helm list -n sandbox", "the releases: they are left to be looked at, for 4h"},
	{"kubectl explain soakexperiment.spec", "what an experiment can say"},
}

// tour says how to look around in what was kept, and how to end it.
func (g *ground) tour() string {
	lines := commands
	end := [][2]string{{"make cluster-down NAME=" + name, "removes the cluster; without it, the operator ends by itself"}}
	if g.operator != nil {
		lines = append(slices.Clip(lines), [2]string{"less " + g.operator.Log(), "what the operator has done"})
		if g.borrowed() {
			end = [][2]string{
				{"kubectl delete soak classifieds -n soak", "cleans the releases away too"},
				{fmt.Sprintf("kill %d", g.operator.PID()), "ends the operator"},
			}
		}
	}
	return fmt.Sprintf("\nAll of it goes on running. To look around:\n\n  export KUBECONFIG=%s PATH=%s:$PATH\n%s\nTo end it:\n\n%s",
		g.Kubeconfig(), g.Tools(), aligned(lines), aligned(end))
}

// advice says how to come to look around.
func advice() string {
	return "\nWhat to look at next, after 'make demo KEEP=1', which leaves it running:\n\n" + strings.TrimRight(aligned(commands), "\n")
}

// aligned are commands, one to a line, and what they are for.
func aligned(lines [][2]string) string {
	width := 0
	for _, line := range lines {
		width = max(width, len(line[0]))
	}
	var text strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&text, "  %-*s  # %s\n", width, line[0], line[1])
	}
	return text.String()
}
