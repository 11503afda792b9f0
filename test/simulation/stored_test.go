package simulation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/yaml"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

// storage looks at what is stored as a real API server would: that it complies with the schema of its kind, and reads
// back as it was written, so that nothing seems to have changed that has not. And what was stored once stays as it was:
// who looks at it must not change it.
type storage struct {
	schemas [kinds]*jsonschema.Schema
	stored  []stored
}

type stored struct {
	object object
	text   []byte
}

func newStorage(t *testing.T) *storage {
	t.Helper()
	s := &storage{}
	for kind := range kinds {
		text, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", "soak.saltside.io_soak"+kind.String()+"s.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		s.schemas[kind], err = schemaOf(text)
		if err != nil {
			t.Fatalf("read the schema of %ss: %v", kind, err)
		}
	}
	return s
}

func schemaOf(crd []byte) (*jsonschema.Schema, error) {
	var tree struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(crd, &tree); err != nil {
		return nil, err
	}
	text, err := json.Marshal(tree.Spec.Versions[0].Schema.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("crd.json", document); err != nil {
		return nil, err
	}
	return compiler.Compile("crd.json")
}

// store an object, unless a real API server would not.
func (s *storage) store(key key, object object) error {
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	if err := s.schemas[key.kind].Validate(document); err != nil {
		return fmt.Errorf("%s would not be accepted: %w", key, err)
	}
	back := copyOf(object)
	clearAll(back)
	if err := json.Unmarshal(text, back); err != nil {
		return err
	}
	if !equality.Semantic.DeepEqual(object, back) {
		return fmt.Errorf("%s does not read back as it was written", key)
	}
	s.stored = append(s.stored, stored{object, text})
	return nil
}

// unchanged tells whether everything is still as it was when it was stored.
func (s *storage) unchanged() error {
	for _, stored := range s.stored {
		text, err := json.Marshal(stored.object)
		if err != nil {
			return err
		}
		if !bytes.Equal(text, stored.text) {
			return fmt.Errorf("%s was changed by somebody who only looked at it", keyOf(stored.object))
		}
	}
	return nil
}

func clearAll(of object) {
	switch of := of.(type) {
	case *soakv1alpha1.SoakExperiment:
		*of = soakv1alpha1.SoakExperiment{}
	case *soakv1alpha1.SoakRun:
		*of = soakv1alpha1.SoakRun{}
	case *soakv1alpha1.SoakCell:
		*of = soakv1alpha1.SoakCell{}
	}
}
