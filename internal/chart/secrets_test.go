package chart

import (
	"strings"
	"testing"

	soakv1alpha1 "github.com/saltside/soak-operator/api/v1alpha1"
)

func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	inputs := &soakv1alpha1.Inputs{ValuesFrom: []soakv1alpha1.ValuesReference{
		{Kind: soakv1alpha1.ValuesKindConfigMap, Name: "open"}, {Kind: soakv1alpha1.ValuesKindSecret, Name: "shared"},
	}}
	layers, err := newLayers("soak", inputs, [][]byte{[]byte(`{host: "postgres.example"}`), []byte(`
password: hunter2
longer: hunter2-again
pin: 123456
on: true
short: abc
odd: it's "so"
edges: "!bang!"
market: tonaton
keys: [{text: "-----BEGIN-----\nc2VjcmV0IGxpbmU=\n"}]
`)})
	if err != nil {
		t.Fatal(err)
	}
	secrets := layers.secrets()
	for message, want := range map[string]string{
		"": "",
		"at '/password': 'hunter2' does not match pattern '^x'": "at '/password': '***' does not match pattern '^x'",
		"hunter2":                         "***",
		"hunter2, hunter2; hunter2.":      "***, ***; ***.",
		"postgres://admin:hunter2@db/ads": "postgres://admin:***@db/ads",
		"it is hunter2-again":             "it is ***",
		"data is aHVudGVyMg==":            "data is ***",
		"value 123456 is too large":       "value *** is too large",
		`field "it's \"so\""`:             `field "***"`,
		`got 'it\'s "so"'`:                `got '***'`,
		"c2VjcmV0IGxpbmU= is no key":      "*** is no key",
		"x!bang!y":                        "x***y",
		// Neither what is too short to be one, nor what is in a ConfigMap, nor a part of a name.
		"on is true, short is abc, host is postgres.example":   "on is true, short is abc, host is postgres.example",
		"Pod/classifieds-tonaton-web-1 of node tonaton_1":      "Pod/classifieds-tonaton-web-1 of node tonaton_1",
		"hunter22 and ahunter2":                                "hunter22 and ahunter2",
		strings.Repeat("x", 30) + " 'hunter...":                strings.Repeat("x", 30) + " '***",
		strings.Repeat("x", 30) + " 'hun...":                   strings.Repeat("x", 30) + " 'hun...",
		"that was cut behind a name: Pod/classifieds-tonat...": "that was cut behind a name: Pod/classifieds-tonat...",
	} {
		if said := secrets.Hide(message); said != want {
			t.Errorf("%q becomes %q, not %q", message, said, want)
		}
	}
	if said := Secrets(nil).Hide("hunter2..."); said != "hunter2..." {
		t.Errorf("without secrets it says %q", said)
	}
}
