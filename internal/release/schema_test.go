package release

import "testing"

func TestViolationsInOrder(t *testing.T) {
	t.Parallel()
	schema := []byte(`{"type": "object", "required": ["site"], "properties": {
		"market": {"type": "string", "pattern": "^[a-z]+$"},
		"stage": {"enum": ["sandbox", "production"]},
		"replicas": {"oneOf": [{"type": "integer"}, {"type": "null"}]}}}`)
	values := map[string]any{"market": "M1", "stage": "test", "replicas": "many"}
	want := "the values do not meet values.schema.json: at '': missing property 'site'; " +
		"at '/market': 'M1' does not match pattern '^[a-z]+$'; " +
		"at '/replicas': 'oneOf' failed, none matched\n- at '/replicas': got string, want integer\n- at '/replicas': got string, want null; " +
		"at '/stage': value must be one of 'sandbox', 'production'"
	for range 20 { // the order of a map is another each time
		if err := validate(schema, values); err == nil || err.Error() != want {
			t.Fatalf("it says\n%v\nnot\n%s", err, want)
		}
	}
	if err := validate(schema, map[string]any{"site": "ikman", "replicas": 2}); err != nil {
		t.Errorf("what meets the schema does not pass: %v", err)
	}
}
