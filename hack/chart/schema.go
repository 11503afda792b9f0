package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lineWidth is how long a line of the schema may be before each of its parts gets one of its own.
const lineWidth = 120

// withDescriptions puts the comments on the values into a schema. Its order is kept, its format is not.
func withDescriptions(schema []byte, values []value) ([]byte, error) {
	var document yaml.Node // JSON is YAML, which keeps its order when it is read.
	if err := yaml.Unmarshal(schema, &document); err != nil {
		return nil, err
	}
	root := document.Content[0]
	for _, v := range values {
		found := root
		for _, key := range v.path {
			if found = member(member(found, "properties"), key); found == nil {
				return nil, fmt.Errorf("it does not know %s", strings.Join(v.path, "."))
			}
		}
		describe(found, v.comment)
	}
	for _, key := range names(member(root, "properties")) {
		known := slices.ContainsFunc(values, func(v value) bool { return v.path[0] == key })
		if !known && key != "global" { // Helm's own.
			return nil, fmt.Errorf("values.yaml does not know %s", key)
		}
	}
	return []byte(format(root, "", 0) + "\n"), nil
}

// member of an object, or nil.
func member(object *yaml.Node, key string) *yaml.Node {
	if object == nil {
		return nil
	}
	for i := 0; i+1 < len(object.Content); i += 2 {
		if object.Content[i].Value == key {
			return object.Content[i+1]
		}
	}
	return nil
}

// names of the members of an object.
func names(object *yaml.Node) []string {
	var all []string
	for i := 0; i < len(object.Content); i += 2 {
		all = append(all, object.Content[i].Value)
	}
	return all
}

// describe makes the text the description of an object, which comes first.
func describe(object *yaml.Node, text string) {
	if described := member(object, "description"); described != nil {
		described.SetString(text)
		return
	}
	key, description := &yaml.Node{}, &yaml.Node{}
	key.SetString("description")
	description.SetString(text)
	object.Content = append([]*yaml.Node{key, description}, object.Content...)
}

// format writes a node as JSON: on one line if it fits there, after as much as is used of it.
func format(node *yaml.Node, indent string, used int) string {
	line := compact(node)
	if used+len(line) <= lineWidth || node.Kind == yaml.ScalarNode {
		return line
	}
	inner := indent + "  "
	lines := parts(node, func(name string, part *yaml.Node) string {
		return inner + name + format(part, inner, len(inner)+len(name))
	})
	return line[:1] + "\n" + strings.Join(lines, ",\n") + "\n" + indent + line[len(line)-1:]
}

// compact writes a node as JSON on one line.
func compact(node *yaml.Node) string {
	inside := strings.Join(parts(node, func(name string, part *yaml.Node) string { return name + compact(part) }), ", ")
	switch {
	case node.Kind == yaml.MappingNode:
		return "{" + inside + "}"
	case node.Kind == yaml.SequenceNode:
		return "[" + inside + "]"
	case node.Tag == "!!str":
		return quote(node.Value)
	default:
		return node.Value // A number, true or false is written as in YAML.
	}
}

// parts writes each element of a list, or each member of an object with its name.
func parts(node *yaml.Node, write func(name string, part *yaml.Node) string) []string {
	var all []string
	for i := 0; i < len(node.Content); i++ {
		name := ""
		if node.Kind == yaml.MappingNode {
			name = quote(node.Content[i].Value) + ": "
			i++
		}
		all = append(all, write(name, node.Content[i]))
	}
	return all
}

func quote(text string) string {
	quoted, _ := json.Marshal(text) //nolint:errchkjson // a string is always possible
	return string(quoted)
}
