// Reads template cases ({"labels": {...}, "templates": [...]}) from stdin and prints what Go's text/template makes of each,
// as JSON: {"labels", "cases": [{"template", "text"} or {"template", "error"}]}. Run it with Go to renew
// test/domains/alerts/template-cases.json; nothing else needs Go.
package main

import (
	"encoding/json"
	"os"
	"strings"
	"text/template"
)

type outcome struct {
	Template string  `json:"template"`
	Text     *string `json:"text,omitempty"`
	Error    string  `json:"error,omitempty"`
}

func main() {
	var given struct {
		Labels    map[string]string `json:"labels"`
		Templates []string          `json:"templates"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	cases := []outcome{}
	for _, source := range given.Templates {
		cases = append(cases, render(source, given.Labels))
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(map[string]any{"labels": given.Labels, "cases": cases}); err != nil {
		panic(err)
	}
}

func render(source string, labels map[string]string) outcome {
	parsed, err := template.New("").Parse(source)
	if err != nil {
		return outcome{Template: source, Error: err.Error()}
	}
	var text strings.Builder
	if err := parsed.Execute(&text, labels); err != nil {
		return outcome{Template: source, Error: err.Error()}
	}
	rendered := text.String()
	return outcome{Template: source, Text: &rendered}
}
