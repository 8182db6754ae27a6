// Reads template cases ({"labels": {...}, "templates": [...]}) from stdin and prints what Go's text/template makes of each,
// as JSON: {"labels", "cases": [{"template", "text"} or {"template", "error"} or {"template", "endless": true}]}.
// Labels are given as the replaced service gives them, in a map[string]any: a label that is missing is nothing, also by `index`.
package main

import (
	"encoding/json"
	"errors"
	"os"
	"text/template"
	"time"
)

type outcome struct {
	Template string  `json:"template"`
	Text     *string `json:"text,omitempty"`
	Error    string  `json:"error,omitempty"`
	Endless  bool    `json:"endless,omitempty"`
}

func main() {
	var given struct {
		Labels    map[string]any `json:"labels"`
		Templates []string       `json:"templates"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	cases := []outcome{}
	for _, source := range given.Templates {
		done := make(chan outcome, 1)
		go func() { done <- render(source, given.Labels) }()
		select {
		case one := <-done:
			cases = append(cases, one)
		case <-time.After(2 * time.Second):
			cases = append(cases, outcome{Template: source, Endless: true})
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(map[string]any{"labels": given.Labels, "cases": cases}); err != nil {
		panic(err)
	}
}

// The most that a template may make: more than Muster allows, so that it is never the reason for a difference.
const maxBytes = 1 << 20

var errTooLong = errors.New("the text is too long")

type bounded struct{ bytes []byte }

func (text *bounded) Write(part []byte) (int, error) {
	if len(text.bytes)+len(part) > maxBytes {
		return 0, errTooLong
	}
	text.bytes = append(text.bytes, part...)
	return len(part), nil
}

func render(source string, labels map[string]any) outcome {
	parsed, err := template.New("").Parse(source)
	if err != nil {
		return outcome{Template: source, Error: err.Error()}
	}
	var text bounded
	if err := parsed.Execute(&text, labels); err != nil {
		return outcome{Template: source, Error: err.Error(), Endless: errors.Is(err, errTooLong)}
	}
	rendered := string(text.bytes)
	return outcome{Template: source, Text: &rendered}
}
