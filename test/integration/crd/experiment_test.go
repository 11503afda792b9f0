package crd_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const experiment = `
apiVersion: soak.saltside.io/v1alpha1
kind: SoakExperiment
metadata: {name: shop}
spec:
  serviceAccountName: soak-runner
  chart: {configMap: {name: shop-chart, key: shop-1.4.0.tgz}}
  markets: [{name: tonaton}, {name: ikman}]
  environments: [{name: sandbox, namespace: sandbox}, {name: production, namespace: production, steps: [Build]}]
`

const (
	badDuration = "must be a length of time such as 90s, 5m or 1h30m"
	badSteps    = "steps must be in the order Clean, Build, Install, Test, each once; Install needs Clean and Build before it, and Test needs Install"
	badLabel    = " must be lower-case letters, digits and '-', and begin and end with a letter or digit"
	badName     = "metadata.name must be at most 52 lower-case letters, digits and '-', and no '.': the names of runs, releases and labels are made of it"
	badRelease  = "releaseName must be lower-case letters, digits, '-', {experiment}, {market} and {environment}, and not begin or end with '-'"
	badObject   = "must be the name of a %s: lower-case letters, digits, '-' and '.'"
	badKey      = "key must be a key of its data: letters, digits, '-', '_' and '.'"
	badPath     = " must be one path as helm --set takes it, such as global.stage, without a value"
)

// Each rule, with what breaks it, what is said then, and a neighbour that it lets through.
func TestExperimentRules(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	base := object(t, experiment)
	long := strings.Repeat("a", 52)
	for name, test := range map[string]struct{ bad, want, good string }{
		"chart without source": {
			"spec: {chart: {configMap: null}}",
			"spec.chart: Invalid value: chart must have exactly one source: set configMap",
			"spec: {chart: {configMap: {name: other}}}",
		},
		"no chart": {
			"spec: {chart: null}",
			"spec.chart: Required value",
			"spec: {}",
		},
		"no account": {
			"spec: {serviceAccountName: null}",
			"spec.serviceAccountName: Required value",
			"spec: {serviceAccountName: default}",
		},
		"no markets": {
			"spec: {markets: []}",
			"spec.markets: Invalid value: 0: spec.markets in body should have at least 1 items",
			"spec: {markets: [{name: ikman}]}",
		},
		"no environments": {
			"spec: {environments: []}",
			"spec.environments: Invalid value: 0: spec.environments in body should have at least 1 items",
			"spec: {environments: [{name: sandbox}]}",
		},
		"account name": {
			"spec: {serviceAccountName: Soak_Runner}",
			`spec.serviceAccountName: Invalid value: "Soak_Runner": serviceAccountName ` + fmt.Sprintf(badObject, "ServiceAccount"),
			"spec: {serviceAccountName: soak.runner-1}",
		},
		"chart name": {
			"spec: {chart: {configMap: {name: a/b}}}",
			`spec.chart.configMap.name: Invalid value: "a/b": name ` + fmt.Sprintf(badObject, "ConfigMap"),
			"spec: {chart: {configMap: {name: a.b}}}",
		},
		"chart key": {
			"spec: {chart: {configMap: {key: a/b.tgz}}}",
			`spec.chart.configMap.key: Invalid value: "a/b.tgz": ` + badKey,
			"spec: {chart: {configMap: {key: A_b-1.4.0.tgz}}}",
		},
		"values reference name": {
			"spec: {valuesFrom: [{kind: Secret, name: -a}]}",
			`spec.valuesFrom[0].name: Invalid value: "-a": name ` + fmt.Sprintf(badObject, "ConfigMap or Secret"),
			"spec: {valuesFrom: [{kind: Secret, name: a}]}",
		},
		"values reference key": {
			`spec: {valuesFrom: [{kind: Secret, name: a, key: "a b"}]}`,
			`spec.valuesFrom[0].key: Invalid value: "a b": ` + badKey,
			"spec: {valuesFrom: [{kind: ConfigMap, name: a, key: a_b}]}",
		},
		"values reference kind": {
			"spec: {valuesFrom: [{kind: Pod, name: a}]}",
			`spec.valuesFrom[0].kind: Unsupported value: "Pod": supported values: "ConfigMap", "Secret"`,
			"spec: {valuesFrom: [{kind: ConfigMap, name: a}]}",
		},
		"market twice": {
			"spec: {markets: [{name: ikman}, {name: ikman}]}",
			`spec.markets[1]: Duplicate value: {"name":"ikman"}`,
			"spec: {markets: [{name: ikman}, {name: ikman2}]}",
		},
		"environment twice": {
			"spec: {environments: [{name: a}, {name: a, namespace: b}]}",
			`spec.environments[1]: Duplicate value: {"name":"a"}`,
			"spec: {environments: [{name: a}, {name: b}]}",
		},
		"exclusion twice": {
			"spec: {exclude: [{market: ikman, environment: sandbox}, {market: ikman, environment: sandbox}]}",
			`spec.exclude[1]: Duplicate value: {"environment":"sandbox","market":"ikman"}`,
			"spec: {exclude: [{market: ikman, environment: sandbox}, {market: tonaton, environment: sandbox}]}",
		},
		"override twice": {
			"spec: {overrides: [{market: ikman, environment: sandbox, values: {}}, {market: ikman, environment: sandbox, values: {}}]}",
			`spec.overrides[1]: Duplicate value: {"environment":"sandbox","market":"ikman"}`,
			"spec: {overrides: [{market: ikman, environment: sandbox, values: {}}]}",
		},
		"market name": {
			"spec: {markets: [{name: Ikman}]}",
			`spec.markets[0].name: Invalid value: "Ikman": name` + badLabel,
			"spec: {markets: [{name: 1-ikman}]}",
		},
		"market name with dot": {
			"spec: {markets: [{name: ik.man}]}",
			`spec.markets[0].name: Invalid value: "ik.man": name` + badLabel,
			"spec: {markets: [{name: ik-man}]}",
		},
		"environment name": {
			"spec: {environments: [{name: sand-}]}",
			`spec.environments[0].name: Invalid value: "sand-": name` + badLabel,
			"spec: {environments: [{name: sand-1}]}",
		},
		"namespace": {
			"spec: {environments: [{name: a, namespace: A}]}",
			`spec.environments[0].namespace: Invalid value: "A": namespace` + badLabel,
			"spec: {environments: [{name: a, namespace: a}]}",
		},
		"namespace of the cluster": {
			"spec: {environments: [{name: a, namespace: kube-system}]}",
			`spec.environments[0].namespace: Invalid value: "kube-system": namespace must not be one of the cluster's own, kube-*: name one of yours`,
			"spec: {environments: [{name: a, namespace: kubernetes}]}",
		},
		"steps out of order": {
			"spec: {environments: [{name: a, steps: [Build, Clean]}]}",
			"spec.environments[0].steps: Invalid value: " + badSteps,
			"spec: {environments: [{name: a, steps: [Clean, Build]}]}",
		},
		"install without clean": {
			"spec: {environments: [{name: a, steps: [Build, Install]}]}",
			"spec.environments[0].steps: Invalid value: " + badSteps,
			"spec: {environments: [{name: a, steps: [Clean, Build, Install]}]}",
		},
		"install without build": {
			"spec: {environments: [{name: a, steps: [Clean, Install]}]}",
			"spec.environments[0].steps: Invalid value: " + badSteps,
			"spec: {environments: [{name: a, steps: [Clean, Build, Install, Test]}]}",
		},
		"test without install": {
			"spec: {environments: [{name: a, steps: [Clean, Build, Test]}]}",
			"spec.environments[0].steps: Invalid value: " + badSteps,
			"spec: {environments: [{name: a, steps: [Build]}]}",
		},
		"all steps out of order": {
			"spec: {environments: [{name: a, steps: [Test, Install, Build, Clean]}]}",
			"spec.environments[0].steps: Invalid value: " + badSteps,
			"spec: {environments: [{name: a, steps: [Clean]}]}",
		},
		"a step twice": {
			"spec: {environments: [{name: a, steps: [Clean, Clean]}]}",
			"spec.environments[0].steps: Invalid value: " + badSteps,
			"spec: {environments: [{name: a, steps: null}]}",
		},
		"no steps": {
			"spec: {environments: [{name: a, steps: []}]}",
			"spec.environments[0].steps: Invalid value: 0: spec.environments[0].steps in body should have at least 1 items\nspec.environments[0].steps: Invalid value: " + badSteps,
			"spec: {environments: [{name: a}]}",
		},
		"unknown step": {
			"spec: {environments: [{name: a, steps: [Upgrade]}]}",
			`spec.environments[0].steps[0]: Unsupported value: "Upgrade": supported values: "Clean", "Build", "Install", "Test"`,
			"spec: {environments: [{name: a, steps: [Build]}]}",
		},
		"values no object": {
			"spec: {values: [1]}",
			`spec.values: Invalid value: "array": spec.values in body must be of type object: "array"`,
			"spec: {values: {a: {b: [1]}}}",
		},
		"market values no object": {
			`spec: {markets: [{name: a, values: "a: b"}]}`,
			`spec.markets[0].values: Invalid value: "string": spec.markets[0].values in body must be of type object: "string"`,
			"spec: {markets: [{name: a, values: {}}]}",
		},
		"environment values no object": {
			"spec: {environments: [{name: a, values: 1}]}",
			`spec.environments[0].values: Invalid value: "integer": spec.environments[0].values in body must be of type object: "integer"`,
			"spec: {environments: [{name: a, values: {a: null}}]}",
		},
		"override values no object": {
			"spec: {overrides: [{market: ikman, environment: sandbox, values: true}]}",
			`spec.overrides[0].values: Invalid value: "boolean": spec.overrides[0].values in body must be of type object: "boolean"`,
			"spec: {overrides: [{market: ikman, environment: sandbox, values: {a: 1}}]}",
		},
		"override without values": {
			"spec: {overrides: [{market: ikman, environment: sandbox}]}",
			"spec.overrides[0].values: Required value",
			"spec: {overrides: [{market: ikman, environment: sandbox, values: {a: 1}}]}",
		},
		"excluded market": {
			"spec: {exclude: [{market: tonaton, environment: sandbox}, {market: ghana, environment: sandbox}]}",
			"spec.exclude: Invalid value: exclude names the market ghana, which is not in markets: remove it or add the market",
			"spec: {exclude: [{market: tonaton, environment: sandbox}, {market: ikman, environment: sandbox}]}",
		},
		"excluded environment": {
			"spec: {exclude: [{market: ikman, environment: stage}]}",
			"spec.exclude: Invalid value: exclude names the environment stage, which is not in environments: remove it or add the environment",
			"spec: {exclude: [{market: ikman, environment: production}]}",
		},
		"overridden market": {
			"spec: {overrides: [{market: ghana, environment: sandbox, values: {}}]}",
			"spec.overrides: Invalid value: overrides names the market ghana, which is not in markets: remove it or add the market",
			"spec: {overrides: [{market: tonaton, environment: sandbox, values: {}}]}",
		},
		"overridden environment": {
			"spec: {overrides: [{market: ikman, environment: stage, values: {}}]}",
			"spec.overrides: Invalid value: overrides names the environment stage, which is not in environments: remove it or add the environment",
			"spec: {overrides: [{market: ikman, environment: production, values: {}}]}",
		},
		"all excluded": {
			"spec: {markets: [{name: ikman}], exclude: [{market: ikman, environment: sandbox}, {market: ikman, environment: production}]}",
			"spec.exclude: Invalid value: exclude must leave at least one cell",
			"spec: {markets: [{name: ikman}], exclude: [{market: ikman, environment: production}]}",
		},
		"release name": {
			"spec: {releaseName: 'Shop-{market}-{environment}'}",
			`spec.releaseName: Invalid value: "Shop-{market}-{environment}": ` + badRelease,
			"spec: {releaseName: 'shop-{market}-{environment}'}",
		},
		"unknown placeholder": {
			"spec: {releaseName: '{market}-{environment}-{run}'}",
			`spec.releaseName: Invalid value: "{market}-{environment}-{run}": ` + badRelease,
			"spec: {releaseName: '{market}-{environment}-{experiment}'}",
		},
		"release name ends in a dash": {
			"spec: {releaseName: '{market}-{environment}-'}",
			`spec.releaseName: Invalid value: "{market}-{environment}-": ` + badRelease,
			"spec: {releaseName: '{market}-{environment}-0'}",
		},
		"release name begins with a dash": {
			"spec: {releaseName: '-{market}-{environment}'}",
			`spec.releaseName: Invalid value: "-{market}-{environment}": ` + badRelease,
			"spec: {releaseName: '0-{market}-{environment}'}",
		},
		"release name runs together": {
			"spec: {releaseName: '{market}{environment}'}",
			`spec.releaseName: Invalid value: "{market}{environment}": releaseName must have a '-' between two names, as in {market}-{environment}`,
			"spec: {releaseName: '{market}-{environment}'}",
		},
		"release name without market": {
			"spec: {releaseName: 'shop-{environment}'}",
			"spec.releaseName: Invalid value: releaseName must contain {market} when there are several markets, or their releases would be one",
			"spec: {releaseName: 'shop-{environment}', markets: [{name: ikman}]}",
		},
		"release name without environment": {
			"spec: {releaseName: 'shop-{market}', environments: [{name: a, namespace: first}, {name: b, namespace: first}]}",
			"spec.releaseName: Invalid value: releaseName must contain {environment} when there are several environments, or each of them must name a namespace of its own",
			"spec: {releaseName: 'shop-{market}', environments: [{name: a, namespace: first}, {name: b, namespace: second}]}",
		},
		"release name without environment or namespace": {
			"spec: {releaseName: 'shop-{market}', environments: [{name: a, namespace: first}, {name: b}]}",
			"spec.releaseName: Invalid value: releaseName must contain {environment} when there are several environments, or each of them must name a namespace of its own",
			"spec: {releaseName: 'shop-{market}', environments: [{name: a}]}",
		},
		"market path": {
			`spec: {matrixValues: {marketPath: "a=b"}}`,
			`spec.matrixValues.marketPath: Invalid value: "a=b": marketPath` + badPath,
			`spec: {matrixValues: {marketPath: "a.b[0].c"}}`,
		},
		"environment path": {
			`spec: {matrixValues: {environmentPath: "a,b"}}`,
			`spec.matrixValues.environmentPath: Invalid value: "a,b": environmentPath` + badPath,
			"spec: {matrixValues: {environmentPath: a}}",
		},
		"one path for both": {
			"spec: {matrixValues: {marketPath: a, environmentPath: a}}",
			"spec.matrixValues: Invalid value: marketPath and environmentPath must differ",
			"spec: {matrixValues: {marketPath: a, environmentPath: b}}",
		},
		"timeout of clean": {
			"spec: {timeouts: {clean: 0s}}",
			`spec.timeouts.clean: Invalid value: "0s": clean must be longer than 0s`,
			"spec: {timeouts: {clean: 1ms}}",
		},
		"timeout of build": {
			"spec: {timeouts: {build: 0h0m}}",
			`spec.timeouts.build: Invalid value: "0h0m": build must be longer than 0s`,
			"spec: {timeouts: {build: 0h1m}}",
		},
		"timeout of install": {
			"spec: {timeouts: {install: 00ms}}",
			`spec.timeouts.install: Invalid value: "00ms": install must be longer than 0s`,
			"spec: {timeouts: {install: 1h}}",
		},
		"timeout of test": {
			"spec: {timeouts: {test: 0m}}",
			`spec.timeouts.test: Invalid value: "0m": test must be longer than 0s`,
			"spec: {timeouts: {test: 10s}}",
		},
		"duration without unit": {
			`spec: {iterationInterval: "10"}`,
			`spec.iterationInterval: Invalid value: "10": ` + badDuration,
			"spec: {iterationInterval: 0s}",
		},
		"duration below zero": {
			"spec: {stop: {maxDuration: -1h}}",
			`spec.stop.maxDuration: Invalid value: "-1h": ` + badDuration,
			"spec: {stop: {maxDuration: 0s}}",
		},
		"duration of words": {
			"spec: {stop: {erroredFor: a while}}",
			`spec.stop.erroredFor: Invalid value: "a while": ` + badDuration,
			"spec: {stop: {erroredFor: 0s}}",
		},
		"duration beyond reckoning": {
			"spec: {cleanupDelay: 9999999h}",
			`spec.cleanupDelay: Invalid value: "9999999h": ` + badDuration,
			"spec: {cleanupDelay: 999999h9999999m999999999s999ms}",
		},
		"run id": {
			"spec: {run: {id: 'after the fix!'}}",
			`spec.run.id: Invalid value: "after the fix!": id must be letters, digits, '-', '_' and '.', and begin and end with a letter or digit`,
			"spec: {run: {id: 'after_the-fix.2', description: 'after the fix!'}}",
		},
		"run without anything": {
			"spec: {run: {}}",
			"spec.run: Invalid value: 0: spec.run in body should have at least 1 properties",
			"spec: {run: {description: why}}",
		},
		"stop without anything": {
			"spec: {stop: {consecutiveFailures: -1}}",
			"spec.stop.consecutiveFailures: Invalid value: -1: spec.stop.consecutiveFailures in body should be greater than or equal to 0",
			"spec: {stop: {}}",
		},
		"allow": {
			"spec: {allow: [Everything]}",
			`spec.allow[0]: Unsupported value: "Everything": supported values: "ClusterScoped", "CustomResourceDefinitions", "LoadBalancers"`,
			"spec: {allow: [LoadBalancers]}",
		},
		"parallelism": {
			"spec: {parallelism: 0}",
			"spec.parallelism: Invalid value: 0: spec.parallelism in body should be greater than or equal to 1",
			"spec: {parallelism: 1000}",
		},
		"name of 53 characters": {
			"metadata: {name: " + long + "a}",
			"<nil>: Invalid value: " + badName,
			"metadata: {name: " + long + "}",
		},
		"name with a dot": {
			"metadata: {name: shop.uk}",
			"<nil>: Invalid value: " + badName,
			"metadata: {name: shop-uk}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict}
			_, err := s.resource("soakexperiments").Create(t.Context(), with(t, base, test.bad), dryRun)
			if got := refusal(err); got != test.want {
				t.Errorf("%s\n got: %s\nwant: %s", test.bad, got, test.want)
			}
			if _, err := s.resource("soakexperiments").Create(t.Context(), with(t, base, test.good), dryRun); err != nil {
				t.Errorf("%s\nis refused: %v", test.good, err)
			}
		})
	}
}
