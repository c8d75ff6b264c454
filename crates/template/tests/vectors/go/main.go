// Command oras-template-vectors runs every case of ../cases through Go's text/template with the
// sprig functions, as oras does, and writes what came out, one JSON object a line.
//
//	go run . > ../vectors.jsonl
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"
	_ "time/tzdata"

	"github.com/Masterminds/sprig/v3"
)

// A vector is one template with one input, and what Go makes of them.
type vector struct {
	Topic    string          `json:"topic"`
	Template string          `json:"template"`
	Input    json.RawMessage `json:"input"`
	Output   *string         `json:"output,omitempty"`
	Error    *string         `json:"error,omitempty"`
}

func main() {
	time.Local = time.UTC
	files, err := filepath.Glob("../cases/*.txt")
	check(err)
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(err)
		topic := strings.TrimSuffix(filepath.Base(file), ".txt")
		input := json.RawMessage("null")
		for number, line := range strings.Split(string(text), "\n") {
			switch {
			case line == "" || line[0] == '#':
			case line[0] == '@':
				input = json.RawMessage(strings.TrimSpace(line[1:]))
				if !json.Valid(input) {
					check(fmt.Errorf("%s:%d: bad input", file, number+1))
				}
			default:
				check(encoder.Encode(run(topic, unescape(line), input)))
			}
		}
	}
}

// unescape makes the template of a line: visible marks stand for what a line cannot hold.
func unescape(line string) string {
	return strings.NewReplacer("⏎", "\n", "⇥", "\t", "↵", "\r", "∅", "").Replace(line)
}

// run renders one template as oras does: the data is what JSON decodes to.
func run(topic, text string, input json.RawMessage) vector {
	result := vector{Topic: topic, Template: text, Input: input}
	var data any
	check(json.Unmarshal(input, &data))
	output, err := render(text, data)
	if err != nil {
		message := err.Error()
		result.Error = &message
	} else {
		result.Output = &output
	}
	return result
}

func render(text string, data any) (string, error) {
	parsed, err := template.New("format output").Funcs(sprig.TxtFuncMap()).Parse(text)
	if err != nil {
		return "", err
	}
	var output strings.Builder
	err = parsed.Execute(&output, data)
	return output.String(), err
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
