package release

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"
)

const (
	// logLimit is how much of the end of a container's log is kept, in bytes.
	logLimit = 64 << 10
	// logLines is how many lines are asked for; the API counts its bytes from the wrong end.
	logLines = 2000
	// logRead is how much is read at most to find the end.
	logRead = 4 << 20
	// logTime is how long reading the logs of one hook may take.
	logTime = 10 * time.Second
	// logPods is of how many pods of a Job the logs are read.
	logPods = 5
	// lineLimit is how much of a line goes into a message, in bytes.
	lineLimit = 300
)

// ContainerLog is the end of what a container of a hook has written.
type ContainerLog struct {
	Pod, Container, Node string
	// Text is the end of it, 64 KiB at most, as it was written.
	Text string
	// Err says why it could not be read.
	Err error
}

// readLogs reads the end of the logs of a hook that is over, before Helm may delete its pods. That they cannot be read
// changes no verdict.
func (o *operation) readLogs(hook *resource.Info, uid types.UID) []ContainerLog {
	ctx, cancel := context.WithTimeout(o.late, logTime)
	defer cancel()
	// By the cell's label and not by the hook's name: a Job's pods have other names.
	list, err := o.clientset.CoreV1().Pods(o.target.Namespace).List(ctx, metav1.ListOptions{LabelSelector: o.target.cellSelector()})
	if err != nil {
		return nil
	}
	var logs []ContainerLog
	count := 0
	for i := range list.Items {
		pod := &list.Items[i]
		if !isOf(pod, hook, uid) {
			continue
		}
		if count++; count > logPods {
			break
		}
		for _, container := range append(append([]corev1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...) {
			log := ContainerLog{Pod: pod.Name, Container: container.Name, Node: pod.Spec.NodeName}
			log.Text, log.Err = o.readLog(ctx, pod.Name, container.Name)
			logs = append(logs, log)
			if o.options.Logs != nil {
				o.options.Logs(o.target, log)
			}
		}
	}
	return logs
}

func (o *operation) readLog(ctx context.Context, pod, container string) (string, error) {
	lines := int64(logLines)
	stream, err := o.clientset.CoreV1().Pods(o.target.Namespace).
		GetLogs(pod, &corev1.PodLogOptions{Container: container, TailLines: &lines}).Stream(ctx)
	if err != nil {
		return "", fmt.Errorf("read the log of container %s of pod %s: %w", container, pod, err)
	}
	defer stream.Close() //nolint:errcheck // it has been read
	text, err := tail(io.LimitReader(stream, logRead), logLimit)
	if err != nil {
		return text, fmt.Errorf("read the log of container %s of pod %s: %w", container, pod, err)
	}
	return text, nil
}

// tail returns the last bytes of what can be read, and never holds more than twice as many.
func tail(reader io.Reader, limit int) (string, error) {
	var kept []byte
	chunk := make([]byte, min(limit, 32<<10))
	for {
		n, err := reader.Read(chunk)
		if kept = append(kept, chunk[:n]...); len(kept) > limit {
			kept = append(kept[:0], kept[len(kept)-limit:]...)
		}
		if err == io.EOF {
			return string(kept), nil
		}
		if err != nil {
			return string(kept), err
		}
	}
}

var (
	errorLine = regexp.MustCompile(`(?i)\b(error|fail(ed|ure)?|fatal|panic|exception|refused|denied|timed? ?out)\b`)
	// What may be a secret by the look of it.
	secretValue = regexp.MustCompile(`(?i)((?:pass(?:word|wd)?|secret|token|api[-_]?key|authorization|credential)s?["']?\s*[:=]\s*)(?:(?:bearer|basic)\s+)?\S+`)
	bearer      = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}`)
	userInfo    = regexp.MustCompile(`://[^/\s@]+@`)
)

// lastLine is the last line that speaks of an error, or else the last line, of a container's log or of any.
func lastLine(logs []ContainerLog, container string) string {
	var last, lastError string
	for _, log := range logs {
		if container != "" && log.Container != container {
			continue
		}
		scanner := bufio.NewScanner(bytes.NewReader([]byte(log.Text)))
		scanner.Buffer(nil, logLimit+1)
		for scanner.Scan() {
			line := strings.TrimSpace(scanner.Text())
			if line == "" {
				continue
			}
			last = line
			if errorLine.MatchString(line) {
				lastError = line
			}
		}
	}
	if lastError != "" {
		last = lastError
	}
	return presentable(last)
}

// presentable makes a line of a log fit for a message: short, printable, and without what looks like a secret.
func presentable(line string) string {
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, line)
	line = secretValue.ReplaceAllString(line, "${1}***")
	line = bearer.ReplaceAllString(line, "$1 ***")
	line = userInfo.ReplaceAllString(line, "://***@")
	if len(line) > lineLimit {
		line = strings.ToValidUTF8(line[:lineLimit], "") + "..."
	}
	return line
}
