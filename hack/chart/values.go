package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// value is one that a user may set, or a group of such.
type value struct {
	path    []string
	comment string
	// standard is what it is unless set, as JSON; empty for a group.
	standard string
}

// parseValues reads values.yaml: whatever has a comment is a value, and must have one.
func parseValues(content []byte) ([]value, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, err
	}
	return parseGroup(nil, document.Content[0])
}

// parseGroup reads a mapping: its content is pairs of a key and what it is.
func parseGroup(path []string, group *yaml.Node) ([]value, error) {
	var all []value
	for i := 0; i < len(group.Content); i += 2 {
		key, content := group.Content[i], group.Content[i+1]
		v := value{path: append(slices.Clone(path), key.Value), comment: words(key.HeadComment)}
		if v.comment == "" {
			return nil, fmt.Errorf("%s has no comment", strings.Join(v.path, "."))
		}
		var inner []value
		var err error
		if isGroup(content) {
			inner, err = parseGroup(v.path, content)
		} else {
			v.standard, err = jsonOf(content)
		}
		if err != nil {
			return nil, err
		}
		all = append(append(all, v), inner...)
	}
	return all, nil
}

// isGroup tells whether what is below has names that are the chart's, and not the user's: whether these are commented.
func isGroup(node *yaml.Node) bool {
	return node.Kind == yaml.MappingNode && len(node.Content) > 0 && node.Content[0].HeadComment != ""
}

func jsonOf(node *yaml.Node) (string, error) {
	var decoded any
	if err := node.Decode(&decoded); err != nil {
		return "", err
	}
	encoded, err := json.Marshal(decoded)
	return string(encoded), err
}

// words of a comment, on one line.
func words(comment string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll("\n"+comment, "\n#", " ")), " ")
}

// The table of a README is between these.
const tableBegins, tableEnds = "<!-- values: made by \"make manifests\" of values.yaml -->\n", "<!-- values end -->\n"

// withTable puts the values into a README.
func withTable(readme []byte, values []value) ([]byte, error) {
	before, rest, begins := strings.Cut(string(readme), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return nil, errors.New("there is no place for the values")
	}
	var table strings.Builder
	table.WriteString("\n| value | default | |\n|---|---|---|\n")
	cell := strings.NewReplacer("|", `\|`)
	for _, v := range values {
		standard := ""
		if v.standard != "" {
			standard = "`" + cell.Replace(v.standard) + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", strings.Join(v.path, "."), standard, cell.Replace(v.comment))
	}
	return []byte(before + tableBegins + table.String() + "\n" + tableEnds + after), nil
}
