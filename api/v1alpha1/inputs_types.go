package v1alpha1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// Inputs are all that the outcome of an iteration depends on. When they change, a new run starts.
type Inputs struct {
	// serviceAccountName is the account, in the experiment's namespace, with whose rights everything is done.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="serviceAccountName must be the name of a ServiceAccount: lower-case letters, digits, '-' and '.'"
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// chart says where the chart comes from.
	// +required
	Chart ChartSource `json:"chart,omitzero"` //nolint:kubeapilinter // that one of its fields is set is a rule of its type
	// values for the chart in every cell. They are merged as Helm merges: valuesFrom over these, then those of
	// the environment, of the market and of the override.
	// +optional
	// +kubebuilder:validation:Type=object
	Values *apiextensionsv1.JSON `json:"values,omitempty"`
	// valuesFrom are values kept in ConfigMaps and Secrets, later ones over earlier ones.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	ValuesFrom []ValuesReference `json:"valuesFrom,omitempty"`
	// matrixValues says where the chart wants the names of market and environment.
	// +optional
	MatrixValues MatrixValues `json:"matrixValues,omitzero"`
	// releaseName is the pattern of the releases' names. {experiment}, {market} and {environment} stand for the
	// names; a name that comes out longer than Helm's 53 characters is cut, and ends in a hash.
	// +optional
	// +kubebuilder:default="{experiment}-{market}-{environment}"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^([-a-z0-9]|[{](experiment|market|environment)[}])+$') && !self.startsWith('-') && !self.endsWith('-')",message="releaseName must be lower-case letters, digits, '-', {experiment}, {market} and {environment}, and not begin or end with '-'"
	// +kubebuilder:validation:XValidation:rule="!self.contains('}{')",message="releaseName must have a '-' between two names, as in {market}-{environment}"
	ReleaseName string `json:"releaseName,omitempty"`
	// markets of the matrix.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=250
	Markets []Market `json:"markets,omitempty"`
	// environments of the matrix. Each market is delivered to each of them, but for what exclude lists.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Environments []Environment `json:"environments,omitempty"`
	// overrides are values for one market in one environment.
	// +optional
	// +listType=map
	// +listMapKey=market
	// +listMapKey=environment
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=250
	Overrides []Override `json:"overrides,omitempty"`
	// exclude names the cells that are left out of the matrix.
	// +optional
	// +listType=map
	// +listMapKey=market
	// +listMapKey=environment
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=250
	Exclude []Exclusion `json:"exclude,omitempty"`
	// timeouts of the steps. A step that is not done in time has failed.
	// +optional
	// +kubebuilder:default={clean: "5m"}
	Timeouts Timeouts `json:"timeouts,omitzero"`
	// testPolicy says what it means when the chart has no tests.
	// +optional
	// +kubebuilder:default=Required
	TestPolicy TestPolicy `json:"testPolicy,omitempty"`
	// persistentVolumeClaimPolicy says what Clean does with claims that the release leaves behind.
	// +optional
	// +kubebuilder:default=Delete
	PersistentVolumeClaimPolicy PersistentVolumeClaimPolicy `json:"persistentVolumeClaimPolicy,omitempty"`
	// infrastructureErrorPolicy says what becomes of an attempt that could not be judged.
	// +optional
	// +kubebuilder:default=Retry
	InfrastructureErrorPolicy InfrastructureErrorPolicy `json:"infrastructureErrorPolicy,omitempty"`
	// allow lists what the chart may create beyond plain namespaced objects.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	Allow []Allowance `json:"allow,omitempty"`
	// parallelism is how many cells are at work at a time.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Parallelism int32 `json:"parallelism,omitempty"`
	// iterationInterval is the pause between two iterations.
	// +optional
	// +kubebuilder:default="10s"
	IterationInterval Duration `json:"iterationInterval,omitempty"`
}

// ChartSource says where the chart comes from: exactly one of its fields.
// +kubebuilder:validation:XValidation:rule="has(self.configMap)",message="chart must have exactly one source: set configMap"
type ChartSource struct {
	// configMap holds the packaged chart in its binaryData.
	// +optional
	ConfigMap ConfigMapChart `json:"configMap,omitzero"`
}

// ConfigMapChart is a packaged chart in a ConfigMap of the experiment's namespace.
type ConfigMapChart struct {
	// name of the ConfigMap.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be the name of a ConfigMap: lower-case letters, digits, '-' and '.'"
	Name string `json:"name,omitempty"`
	// key in its binaryData, such as shop-1.4.0.tgz.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$')",message="key must be a key of its data: letters, digits, '-', '_' and '.'"
	Key string `json:"key,omitempty"`
}

// ValuesKind is a kind of object that can hold values.
// +kubebuilder:validation:Enum=ConfigMap;Secret
type ValuesKind string

// The kinds that can hold values.
const (
	ValuesKindConfigMap ValuesKind = "ConfigMap"
	ValuesKindSecret    ValuesKind = "Secret"
)

// ValuesReference names values in an object of the experiment's namespace.
type ValuesReference struct {
	// kind of the object.
	// +required
	Kind ValuesKind `json:"kind,omitempty"`
	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be the name of a ConfigMap or Secret: lower-case letters, digits, '-' and '.'"
	Name string `json:"name,omitempty"`
	// key in its data, which holds YAML.
	// +optional
	// +kubebuilder:default=values.yaml
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$')",message="key must be a key of its data: letters, digits, '-', '_' and '.'"
	Key string `json:"key,omitempty"`
}

// MatrixValues says where the chart wants the names of market and environment, in the path syntax of helm --set.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.marketPath) || !has(self.environmentPath) || self.marketPath != self.environmentPath",message="marketPath and environmentPath must differ"
type MatrixValues struct {
	// marketPath is where the market's name is set, such as global.market.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^=,{}[:space:]]+$')",message="marketPath must be one path as helm --set takes it, such as global.stage, without a value"
	MarketPath string `json:"marketPath,omitempty"`
	// environmentPath is where the environment's name is set, such as stage.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^=,{}[:space:]]+$')",message="environmentPath must be one path as helm --set takes it, such as global.stage, without a value"
	EnvironmentPath string `json:"environmentPath,omitempty"`
}

// Market is one row of the matrix.
type Market struct {
	// name of the market.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="name must be lower-case letters, digits and '-', and begin and end with a letter or digit"
	Name string `json:"name,omitempty"`
	// values for this market, in every environment.
	// +optional
	// +kubebuilder:validation:Type=object
	Values *apiextensionsv1.JSON `json:"values,omitempty"`
}

// Environment is one column of the matrix.
type Environment struct {
	// name of the environment.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="name must be lower-case letters, digits and '-', and begin and end with a letter or digit"
	Name string `json:"name,omitempty"`
	// namespace of the releases; that of the experiment unless said.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="namespace must be lower-case letters, digits and '-', and begin and end with a letter or digit"
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('kube-')",message="namespace must not be one of the cluster's own, kube-*: name one of yours"
	Namespace string `json:"namespace,omitempty"`
	// values for this environment, in every market.
	// +optional
	// +kubebuilder:validation:Type=object
	Values *apiextensionsv1.JSON `json:"values,omitempty"`
	// steps that are done in this environment, in their order.
	// +optional
	// +listType=atomic
	// +kubebuilder:default={Clean,Build,Install,Test}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:XValidation:rule="self in [['Clean'], ['Build'], ['Clean', 'Build'], ['Clean', 'Build', 'Install'], ['Clean', 'Build', 'Install', 'Test']]",message="steps must be in the order Clean, Build, Install, Test, each once; Install needs Clean and Build before it, and Test needs Install"
	Steps []Step `json:"steps,omitempty"`
}

// Override is values for one market in one environment.
type Override struct {
	// market by its name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Market string `json:"market,omitempty"`
	// environment by its name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Environment string `json:"environment,omitempty"`
	// values for this cell alone.
	// +required
	// +kubebuilder:validation:Type=object
	Values *apiextensionsv1.JSON `json:"values,omitempty"`
}

// Exclusion names a cell that is left out of the matrix.
type Exclusion struct {
	// market by its name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Market string `json:"market,omitempty"`
	// environment by its name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Environment string `json:"environment,omitempty"`
}

// Timeouts of the steps, counted from when a step starts to act.
// +kubebuilder:validation:MinProperties=1
type Timeouts struct {
	// clean is how long it may take until nothing of the release is left.
	// +optional
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^(0+(h|m|s|ms))+$')",message="clean must be longer than 0s"
	Clean Duration `json:"clean,omitempty"`
	// build is how long fetching, checking and rendering the chart may take.
	// +optional
	// +kubebuilder:default="2m"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^(0+(h|m|s|ms))+$')",message="build must be longer than 0s"
	Build Duration `json:"build,omitempty"`
	// install is how long it may take until all that was installed is ready.
	// +optional
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^(0+(h|m|s|ms))+$')",message="install must be longer than 0s"
	Install Duration `json:"install,omitempty"`
	// test is how long all tests together may take.
	// +optional
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^(0+(h|m|s|ms))+$')",message="test must be longer than 0s"
	Test Duration `json:"test,omitempty"`
}

// TestPolicy says what it means when the chart has no tests.
// +kubebuilder:validation:Enum=Required;IfPresent;Skip
type TestPolicy string

// The test policies.
const (
	// TestPolicyRequired makes Test fail when the chart has no tests.
	TestPolicyRequired TestPolicy = "Required"
	// TestPolicyIfPresent runs the tests that there are, be it none.
	TestPolicyIfPresent TestPolicy = "IfPresent"
	// TestPolicySkip runs no tests.
	TestPolicySkip TestPolicy = "Skip"
)

// PersistentVolumeClaimPolicy says what Clean does with claims that the release leaves behind.
// +kubebuilder:validation:Enum=Delete;Keep
type PersistentVolumeClaimPolicy string

// The policies for claims.
const (
	// PersistentVolumeClaimPolicyDelete deletes them, so that every iteration starts without data.
	PersistentVolumeClaimPolicyDelete PersistentVolumeClaimPolicy = "Delete"
	// PersistentVolumeClaimPolicyKeep leaves them to the next iteration, and in the end to you.
	PersistentVolumeClaimPolicyKeep PersistentVolumeClaimPolicy = "Keep"
)

// InfrastructureErrorPolicy says what becomes of an attempt that could not be judged.
// +kubebuilder:validation:Enum=Retry;Fail
type InfrastructureErrorPolicy string

// The policies for infrastructure errors.
const (
	// InfrastructureErrorPolicyRetry throws the attempt away and tries again.
	InfrastructureErrorPolicyRetry InfrastructureErrorPolicy = "Retry"
	// InfrastructureErrorPolicyFail fails the iteration, as it would fail a CI build.
	InfrastructureErrorPolicyFail InfrastructureErrorPolicy = "Fail"
)

// Allowance is something that a chart may create only if it is allowed.
// +kubebuilder:validation:Enum=ClusterScoped;CustomResourceDefinitions;LoadBalancers
type Allowance string

// The allowances.
const (
	// AllowClusterScoped lets the chart create objects outside namespaces.
	AllowClusterScoped Allowance = "ClusterScoped"
	// AllowCustomResourceDefinitions lets the chart bring its crds folder. They are never deleted.
	AllowCustomResourceDefinitions Allowance = "CustomResourceDefinitions"
	// AllowLoadBalancers lets the chart create Services of type LoadBalancer, which cost money in every iteration.
	AllowLoadBalancers Allowance = "LoadBalancers"
)
