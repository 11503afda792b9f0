// Command soak-app is what the pods of test charts run. It plays, as told by its arguments, a service that becomes ready
// late or never, a job or a test that ends with some exit code, and one that does not end.
//
//	soak-app serve [--ready-after 2s] [--crash-after 10s] [--listen :8080] [--stop-after 1s] [--mark /data/mark]
//	soak-app ready                  for an exec probe: succeeds once serve is ready
//	soak-app exit [--code 1] [--after 2s] [--log "a line"]
//	soak-app log [--lines 100] [--every 100ms]
//	soak-app hang                   runs for ever, and takes no SIGTERM for an answer
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// modes maps a first argument to what is then done. The result is the exit code.
var modes = map[string]func(args []string) int{
	"serve": serve,
	"ready": ready,
	"exit":  exit,
	"log":   log,
	"hang":  hang,
}

func main() {
	if len(os.Args) > 1 {
		if mode, found := modes[os.Args[1]]; found {
			os.Exit(mode(os.Args[2:]))
		}
	}
	names := make([]string, 0, len(modes))
	for name := range modes {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintf(os.Stderr, "usage: soak-app {%s} [flags]\n", strings.Join(names, "|"))
	os.Exit(2)
}

// parse reads the flags of a mode and ends the program when they are wrong.
func parse(mode string, args []string, define func(*flag.FlagSet)) {
	flags := flag.NewFlagSet(mode, flag.ExitOnError)
	define(flags)
	_ = flags.Parse(args) // ends the program by itself
	if flags.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "soak-app %s: unexpected argument %q\n", mode, flags.Arg(0))
		os.Exit(2)
	}
}

// readyFile says that the service is ready, to a probe that is a process of its own.
func readyFile(flags *flag.FlagSet) *string {
	return flags.String("ready-file", "/tmp/ready", "file that exists while the service is ready")
}

func serve(args []string) int {
	var file, mark, listen *string
	var readyAfter, crashAfter, stopAfter *time.Duration
	parse("serve", args, func(flags *flag.FlagSet) {
		file = readyFile(flags)
		readyAfter = flags.Duration("ready-after", 0, "time until the service is ready")
		crashAfter = flags.Duration("crash-after", 0, "time until the service fails with exit code 1; 0 is never")
		stopAfter = flags.Duration("stop-after", 0, "time that the service takes to end when it is told to")
		listen = flags.String("listen", "", "address to answer HTTP on: 200 when ready, 503 before; none if empty")
		mark = flags.String("mark", "", "file to leave on a volume, which tells whether the volume was used before")
	})
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)

	if err := leaveMark(*mark); err != nil {
		return fail(err)
	}
	// A container that is restarted in place must not be ready at once.
	if err := os.Remove(*file); err != nil && !os.IsNotExist(err) {
		return fail(err)
	}
	var isReady atomic.Bool
	if *listen != "" {
		go func() { os.Exit(fail(http.ListenAndServe(*listen, health(&isReady)))) }()
	}
	say("starting")
	becomesReady, crashes := time.After(*readyAfter), never(*crashAfter)
	for {
		select {
		case <-becomesReady:
			if err := os.WriteFile(*file, nil, 0o644); err != nil {
				return fail(err)
			}
			isReady.Store(true)
			say("ready")
		case <-crashes:
			return fail(fmt.Errorf("crashed after %s, as told", *crashAfter))
		case s := <-stop:
			say("stopping on " + s.String())
			time.Sleep(*stopAfter)
			return 0
		}
	}
}

// never is a channel that gives after d, and not at all if d is 0.
func never(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}

func health(isReady *atomic.Bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if !isReady.Load() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ready") // the client has gone, then
	}
}

// leaveMark says in the log whether the volume with the file is fresh.
func leaveMark(file string) error {
	if file == "" {
		return nil
	}
	if before, err := os.ReadFile(file); err == nil {
		say("volume was used before, by " + strings.TrimSpace(string(before)))
		return nil
	}
	say("volume is fresh")
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(hostname+" at "+time.Now().UTC().Format(time.RFC3339)+"\n"), 0o644)
}

func ready(args []string) int {
	var file *string
	parse("ready", args, func(flags *flag.FlagSet) { file = readyFile(flags) })
	if _, err := os.Stat(*file); err != nil {
		return fail(err)
	}
	return 0
}

func exit(args []string) int {
	var code *int
	var after *time.Duration
	var line *string
	parse("exit", args, func(flags *flag.FlagSet) {
		code = flags.Int("code", 0, "exit code")
		after = flags.Duration("after", 0, "time until then")
		line = flags.String("log", "", "line to write just before")
	})
	time.Sleep(*after)
	if *line != "" {
		say(*line)
	}
	return *code
}

func log(args []string) int {
	var lines *int
	var every *time.Duration
	parse("log", args, func(flags *flag.FlagSet) {
		lines = flags.Int("lines", 100, "number of lines")
		every = flags.Duration("every", 0, "time between two lines")
	})
	for i := range *lines {
		say(fmt.Sprintf("line %d of %d", i+1, *lines))
		time.Sleep(*every)
	}
	return 0
}

func hang([]string) int {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
	say("hanging")
	for {
		time.Sleep(time.Hour)
	}
}

func say(line string) { fmt.Println(line) }

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "soak-app:", err)
	return 1
}
