package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// stepNames in the order in which they are taken.
var stepNames = []soakv1alpha1.Step{soakv1alpha1.StepClean, soakv1alpha1.StepBuild, soakv1alpha1.StepInstall, soakv1alpha1.StepTest}

// operated is what was measured of the operator, in seconds.
type operated struct {
	iterations []float64
	// steps of each cell in these iterations.
	steps map[soakv1alpha1.Step][]float64
	// rest is what is left of each iteration without the steps of the cell whose steps took longest.
	rest []float64
}

// logLine is what a line of the operator's log says of a step that has ended.
type logLine struct {
	Message   string            `json:"msg"`
	Cell      string            `json:"cell"`
	Iteration int               `json:"iteration"`
	Step      soakv1alpha1.Step `json:"step"`
	Seconds   float64           `json:"seconds"`
}

// readSteps reads from the operator's log, from an offset on, how long the steps took of iterations that took so long,
// which are all but the first.
func readSteps(file string, offset int64, iterations []float64) (_ operated, err error) {
	log, err := os.Open(file)
	if err != nil {
		return operated{}, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if _, err := log.Seek(offset, io.SeekStart); err != nil {
		return operated{}, err
	}
	return parseSteps(log, iterations)
}

func parseSteps(log io.Reader, iterations []float64) (operated, error) {
	result := operated{iterations: iterations, steps: map[soakv1alpha1.Step][]float64{}}
	cells := make([]map[string]float64, len(iterations)) // how long all steps of a cell took
	const longest = 1 << 20
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, longest)
	for lines.Scan() {
		var line logLine
		// Others than the operator's own code may write what is not JSON.
		if json.Unmarshal(lines.Bytes(), &line) != nil || line.Message != "Ended step" {
			continue
		}
		index := line.Iteration - 2
		if index < 0 || index >= len(iterations) {
			continue
		}
		result.steps[line.Step] = append(result.steps[line.Step], line.Seconds)
		if cells[index] == nil {
			cells[index] = map[string]float64{}
		}
		cells[index][line.Cell] += line.Seconds
	}
	if err := lines.Err(); err != nil {
		return operated{}, err
	}
	for i, whole := range iterations {
		if len(cells[i]) == 0 {
			return operated{}, fmt.Errorf("its log does not tell of the steps of iteration %d", i+2)
		}
		slowest := 0.0
		for _, steps := range cells[i] {
			slowest = max(slowest, steps)
		}
		result.rest = append(result.rest, whole-slowest)
	}
	return result, nil
}
