package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// words are what the code calls things: the reasons of conditions and failures, and those of events.
type words struct {
	constants       map[string]string // all constants that are texts, by their names
	reasons, events map[string]bool
}

// reasonName is how constants are called that are reasons; those of package plan that are verdicts are reasons too.
var reasonName = regexp.MustCompile(`^([rR]eason|EndReason|verdict)[A-Z]`)

// verdictOnly is shown as a verdict, where the reason says what it is that stalls.
const verdictOnly = "verdictStalled"

// readWords of the packages in these folders. Constants are read first, so that whoever uses them is understood.
func readWords(t *testing.T, folders ...string) words {
	t.Helper()
	w := words{constants: map[string]string{}, reasons: map[string]bool{}, events: map[string]bool{}}
	var files []*ast.File
	for _, folder := range folders {
		names, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("there is no code in %s: %v", folder, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
	}
	for _, read := range []func(ast.Node) bool{w.constant, w.use} {
		for _, file := range files {
			ast.Inspect(file, read)
		}
	}
	return w
}

// constant notes constants.
func (w words) constant(node ast.Node) bool {
	spec, ok := node.(*ast.ValueSpec)
	if !ok {
		return true
	}
	for i, name := range spec.Names {
		if i >= len(spec.Values) {
			continue
		}
		text := w.text(spec.Values[i])
		if text == "" {
			continue
		}
		w.constants[name.Name] = text
		if reasonName.MatchString(name.Name) && name.Name != verdictOnly {
			w.reasons[text] = true
		}
	}
	return true
}

// use notes the words where they are used: as arguments of the functions that set conditions, blame pods and tell of
// events, and in composite literals.
func (w words) use(node ast.Node) bool {
	switch node := node.(type) {
	case *ast.CallExpr:
		function, _ := node.Fun.(*ast.SelectorExpr)
		if function == nil {
			return true
		}
		switch {
		case function.Sel.Name == "set" && len(node.Args) == 4, function.Sel.Name == "consider":
			w.note(w.reasons, node.Args[2])
		case function.Sel.Name == "between" && len(node.Args) == 2:
			w.note(w.reasons, node.Args[0])
		case function.Sel.Name == "tell" && len(node.Args) == 3:
			w.note(w.events, node.Args[1])
		}
	case *ast.KeyValueExpr:
		if key, ok := node.Key.(*ast.Ident); ok && key.Name == "Reason" {
			w.note(w.reasons, node.Value)
		}
	case *ast.CompositeLit:
		w.eventsOf(node)
	}
	return true
}

// eventsOf a list of events that is written out.
func (w words) eventsOf(list *ast.CompositeLit) {
	array, ok := list.Type.(*ast.ArrayType)
	if !ok {
		return
	}
	if element, ok := array.Elt.(*ast.Ident); !ok || element.Name != "Event" {
		return
	}
	for _, item := range list.Elts {
		if event, ok := item.(*ast.CompositeLit); ok && len(event.Elts) == 3 {
			w.note(w.events, event.Elts[1])
		}
	}
}

func (w words) note(in map[string]bool, expression ast.Expr) {
	if text := w.text(expression); text != "" {
		in[text] = true
	}
}

// text of an expression; empty if it is not known before the program runs. What it can then be is noted elsewhere.
func (w words) text(expression ast.Expr) string {
	switch expression := expression.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(expression.Value)
		if err != nil || expression.Kind != token.STRING {
			return ""
		}
		return text
	case *ast.Ident:
		return w.constants[expression.Name]
	case *ast.SelectorExpr:
		return w.constants[expression.Sel.Name]
	case *ast.CallExpr: // A conversion, such as that of a verdict.
		if len(expression.Args) == 1 {
			return w.text(expression.Args[0])
		}
	}
	return ""
}

// compare says what only one of two lists has.
func compare(t *testing.T, what string, code map[string]bool, page []string) {
	t.Helper()
	for _, word := range slices.Sorted(maps.Keys(code)) {
		if !slices.Contains(page, word) {
			t.Errorf("the page does not tell of the %s %s", what, word)
		}
	}
	for i, word := range page {
		if !code[word] {
			t.Errorf("the page tells of the %s %s, which the code does not have", what, word)
		}
		if slices.Contains(page[:i], word) {
			t.Errorf("the page tells twice of the %s %s", what, word)
		}
	}
}

// Whatever a condition, a failure or an event gives as its reason can be looked up.
func TestReasons(t *testing.T) {
	t.Parallel()
	w := readWords(t, "../../api/v1alpha1", "../../internal/plan", "../../internal/release", "../../internal/chart",
		"../../internal/operation", "../../controllers", "../../cmd/manager")
	p := readPage(t, operations)
	compare(t, "reason", w.reasons, p.column("reason"))
	compare(t, "event", w.events, p.column("event"))
}

// Conditions are all explained.
func TestConditions(t *testing.T) {
	t.Parallel()
	conditions := map[string]bool{}
	for name, text := range readWords(t, "../../api/v1alpha1").constants {
		if strings.HasPrefix(name, "Condition") {
			conditions[text] = true
		}
	}
	// The tables of reasons name them again.
	named := readPage(t, operations).column("condition")
	slices.Sort(named)
	compare(t, "condition", conditions, slices.Compact(named))
}

// metricName is one of ours.
var metricName = regexp.MustCompile(`^soak_[a-z_]+$`)

// Metrics are all explained, and no query asks for one that there is not.
func TestMetrics(t *testing.T) {
	t.Parallel()
	metrics := map[string]bool{}
	note := func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil && metricName.MatchString(text) {
				metrics[text] = true
			}
		}
		return true
	}
	for _, name := range []string{"results.go", "steps.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../../internal/metrics", name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, note)
	}
	p := readPage(t, operations)
	compare(t, "metric", metrics, p.column("metric"))
	for _, f := range p.fences() {
		if f.language != "promql" {
			continue
		}
		for _, word := range regexp.MustCompile(`soak_[a-z_]+`).FindAllString(f.text(), -1) {
			for _, suffix := range []string{"_count", "_sum", "_bucket"} {
				word = strings.TrimSuffix(word, suffix)
			}
			if !metrics[word] {
				t.Errorf("%s: there is no metric %s", f.place, word)
			}
		}
	}
}
