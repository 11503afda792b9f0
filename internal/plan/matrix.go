package plan

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

const (
	// cellLimit is how many cells an experiment may have.
	cellLimit = 1000
	// releaseNameLimit is how long the name of a release may be, so that Helm can put more after it.
	releaseNameLimit = 53
	// defaultReleaseName is the pattern where none is said.
	defaultReleaseName = "{experiment}-{market}-{environment}"
)

// releaseName is what Helm accepts as the name of a release.
var releaseName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// allSteps are the steps in their order.
var allSteps = []soakv1alpha1.Step{
	soakv1alpha1.StepClean, soakv1alpha1.StepBuild, soakv1alpha1.StepInstall, soakv1alpha1.StepTest,
}

// MatrixCell is one market in one environment, as the inputs say it.
type MatrixCell struct {
	Market, Environment string
	// Release that is delivered.
	Release soakv1alpha1.ReleaseIdentity
	// Steps that are done, in their order.
	Steps []soakv1alpha1.Step
}

// String names the cell to people.
func (c MatrixCell) String() string { return c.Market + "/" + c.Environment }

// Matrix returns the cells of the inputs in matrix order: market by market, and in each of them environment by
// environment, as they are listed. That is the order in which they are set to work.
//
// The error is for the user: it says which cells share a release, or what makes no sense.
func Matrix(namespace, experiment string, inputs *soakv1alpha1.Inputs) ([]MatrixCell, error) {
	var cells []MatrixCell
	owner := map[soakv1alpha1.ReleaseIdentity]MatrixCell{}
	for _, market := range inputs.Markets {
		for _, environment := range inputs.Environments {
			if slices.Contains(inputs.Exclude, soakv1alpha1.Exclusion{Market: market.Name, Environment: environment.Name}) {
				continue
			}
			cell, err := matrixCell(namespace, experiment, inputs.ReleaseName, market.Name, environment)
			if err != nil {
				return nil, err
			}
			if other, taken := owner[cell.Release]; taken {
				return nil, fmt.Errorf("%s and %s would both have the release %s in namespace %s: let releaseName tell them apart",
					other, cell, cell.Release.Name, cell.Release.Namespace)
			}
			owner[cell.Release] = cell
			cells = append(cells, cell)
		}
	}
	switch {
	case len(cells) == 0:
		return nil, errors.New("every cell of the matrix is excluded")
	case len(cells) > cellLimit:
		return nil, fmt.Errorf("the matrix has %d cells: at most %d can be driven", len(cells), cellLimit)
	default:
		return cells, nil
	}
}

func matrixCell(namespace, experiment, pattern, market string, environment soakv1alpha1.Environment) (MatrixCell, error) {
	cell := MatrixCell{Market: market, Environment: environment.Name}
	cell.Release.Namespace = namespace
	if environment.Namespace != "" {
		cell.Release.Namespace = environment.Namespace
	}
	if pattern == "" {
		pattern = defaultReleaseName
	}
	name := strings.NewReplacer("{experiment}", experiment, "{market}", market, "{environment}", environment.Name).Replace(pattern)
	cell.Release.Name = shorten(name, releaseNameLimit)
	if !releaseName.MatchString(cell.Release.Name) {
		return MatrixCell{}, fmt.Errorf("releaseName makes %q of %s, which is no name that Helm accepts", cell.Release.Name, cell)
	}
	var err error
	if cell.Steps, err = orderedSteps(environment.Steps); err != nil {
		return MatrixCell{}, fmt.Errorf("environment %s: %w", environment.Name, err)
	}
	return cell, nil
}

// orderedSteps puts steps into the order in which they are done, and finds those that cannot do without another.
func orderedSteps(said []soakv1alpha1.Step) ([]soakv1alpha1.Step, error) {
	if len(said) == 0 {
		return slices.Clone(allSteps), nil
	}
	var steps []soakv1alpha1.Step
	for _, step := range allSteps {
		if slices.Contains(said, step) {
			steps = append(steps, step)
		}
	}
	for _, rule := range []struct{ step, needs soakv1alpha1.Step }{
		{soakv1alpha1.StepInstall, soakv1alpha1.StepClean},
		{soakv1alpha1.StepInstall, soakv1alpha1.StepBuild},
		{soakv1alpha1.StepTest, soakv1alpha1.StepInstall},
	} {
		if slices.Contains(steps, rule.step) && !slices.Contains(steps, rule.needs) {
			return nil, fmt.Errorf("step %s needs %s before it", rule.step, rule.needs)
		}
	}
	return steps, nil
}

// ValuesLayer is one of the layers that the values of a cell are merged from: either values, or where they are kept.
type ValuesLayer struct {
	// Source says where in the inputs the layer comes from, for people.
	Source string
	Values *apiextensionsv1.JSON
	From   *soakv1alpha1.ValuesReference
}

// ValuesLayers returns what the values of a cell are merged from, later ones over earlier ones. The names of market and
// environment are not among them: they are set last, where matrixValues says.
func ValuesLayers(inputs *soakv1alpha1.Inputs, market, environment string) []ValuesLayer {
	var layers []ValuesLayer
	add := func(source string, values *apiextensionsv1.JSON) {
		if values != nil {
			layers = append(layers, ValuesLayer{Source: source, Values: values})
		}
	}
	add("values", inputs.Values)
	for i := range inputs.ValuesFrom {
		from := &inputs.ValuesFrom[i]
		layers = append(layers, ValuesLayer{Source: fmt.Sprintf("%s %s", from.Kind, from.Name), From: from})
	}
	for _, candidate := range inputs.Environments {
		if candidate.Name == environment {
			add("environment "+environment, candidate.Values)
		}
	}
	for _, candidate := range inputs.Markets {
		if candidate.Name == market {
			add("market "+market, candidate.Values)
		}
	}
	for _, candidate := range inputs.Overrides {
		if candidate.Market == market && candidate.Environment == environment {
			add("override "+market+"/"+environment, candidate.Values)
		}
	}
	return layers
}

// CellLabel is the value of the label by which everything that is made for a cell is known as its own. It is the same
// in every run, and no other experiment's: not even one's that later bears the same name.
func CellLabel(experimentUID, market, environment string) string {
	return hash(experimentUID, market, environment)[:32]
}

// cellName is the name of the object. It tells of run, market and environment as far as it can, and no two runs, even of
// the same name, ever have cells of the same name.
func cellName(run *soakv1alpha1.SoakRun, cell MatrixCell) string {
	return withHash(run.Name+"-"+cell.Market+"-"+cell.Environment, shortHash(string(run.UID), cell.Market, cell.Environment), nameLimit)
}
