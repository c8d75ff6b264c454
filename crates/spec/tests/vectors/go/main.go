// Command main writes the vectors that crates/spec replays: what Go's encoding/json and strconv
// make of given values, so that the Rust code can be held to the same bytes without Go at hand.
//
// Every run writes the same files, into the directory that is its only argument.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The structs of the image specification, fields in the order in which they are written.

type platform struct {
	Architecture string   `json:"architecture"`
	OS           string   `json:"os"`
	OSVersion    string   `json:"os.version,omitempty"`
	OSFeatures   []string `json:"os.features,omitempty"`
	Variant      string   `json:"variant,omitempty"`
}

type descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	URLs         []string          `json:"urls,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Data         []byte            `json:"data,omitempty"`
	Platform     *platform         `json:"platform,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
}

type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Subject       *descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type index struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Manifests     []descriptor      `json:"manifests"`
	Subject       *descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	indexType    = "application/vnd.oci.image.index.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar"
	emptyType    = "application/vnd.oci.empty.v1+json"
)

var random = rand.New(rand.NewPCG(2, 1))

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: main DIRECTORY")
	}
	write("strings.jsonl", stringVectors())
	write("quotes.jsonl", quoteVectors())
	write("numbers.jsonl", numberVectors())
	write("documents.jsonl", documentVectors())
	write("indents.jsonl", indentVectors())
}

func write(name string, lines []any) {
	var out bytes.Buffer
	for _, line := range lines {
		out.Write(must(json.Marshal(line)))
		out.WriteByte('\n')
	}
	check(os.WriteFile(filepath.Join(os.Args[1], name), out.Bytes(), 0o644))
	fmt.Printf("%6d %s\n", len(lines), name)
}

// A value and the text Go makes of it.
type textVector struct {
	Value string `json:"value"`
	Text  string `json:"text"`
}

func stringVectors() []any {
	values := []string{""}
	for r := rune(0); r < 0x100; r++ {
		values = append(values, "a"+string(r)+"b")
	}
	for _, edge := range []rune{0x7ff, 0x800, 0x2028, 0x2029, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xffff, 0x10000, 0x10ffff} {
		for r := edge - 1; r <= edge+1 && r <= 0x10ffff; r++ {
			if r < 0xd800 || r > 0xdfff {
				values = append(values, string(r), "x"+string(r)+string(r)+"y")
			}
		}
	}
	values = append(values,
		"<>&", "a<b>&c", "\u2028\u2029", "</script>", `"\/`, `\u003c`, "\r\n\t", "👩‍👩‍👧‍👦 🇫🇷 😀", "e\u0301é",
		strings.Repeat("long <mix> & é \u2028 😀 \x00 ", 200))
	for range 300 {
		values = append(values, anyText(40))
	}
	lines := []any{}
	for _, value := range values {
		lines = append(lines, textVector{value, string(must(json.Marshal(value)))})
	}
	return lines
}

func quoteVectors() []any {
	values := []string{"", `a"b\c`, "it's", "a\x1b[2J", "😀 é", "\U000e0001", "\U0001f3fb"}
	for _, block := range [][2]rune{{0, 0x700}, {0x2000, 0x20a0}, {0x3000, 0x3010}, {0xdfff, 0xe010}, {0xfe00, 0xfe10}, {0xfff0, 0x10000}} {
		for r := block[0]; r < block[1]; r += 8 {
			value := ""
			for each := r; each < r+8; each++ {
				if each < 0xd800 || each > 0xdfff {
					value += string(each)
				}
			}
			values = append(values, value)
		}
	}
	lines := []any{}
	for _, value := range values {
		lines = append(lines, textVector{value, strconv.Quote(value)})
	}
	return lines
}

func numberVectors() []any {
	values := []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1.5, 100, 1e20, 1e21, 123456789012345680000, 1.2345678901e+10, 1e-6, 1e-7,
		9.999999e-7, 999999999999999900000, 5e-324, math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, 1<<53 + 2, 0.30000000000000004}
	for range 200 {
		values = append(values, math.Ldexp(random.Float64()*2-1, random.IntN(160)-80))
	}
	lines := []any{}
	for _, value := range values {
		// The bits, because reading a decimal fraction is not what is put to the test.
		lines = append(lines, struct {
			Bits string `json:"bits"`
			Text string `json:"text"`
		}{strconv.FormatUint(math.Float64bits(value), 16), string(must(json.Marshal(value)))})
	}
	return lines
}

// A document: the same value with sorted keys and nothing escaped, the bytes Go writes for the
// struct, and their digest.
type documentVector struct {
	Kind   string `json:"kind"`
	Input  string `json:"input"`
	Bytes  string `json:"bytes"`
	Digest string `json:"digest"`
	// The digest of the indented form.
	Indented string `json:"indented"`
}

func documentVectors() []any {
	lines := []any{}
	add := func(kind string, value any) {
		written := must(json.Marshal(value))
		lines = append(lines, documentVector{
			kind, sorted(written), string(written), digest(written), digest(must(json.MarshalIndent(value, "", "  "))),
		})
	}
	for bits := range 1 << 5 {
		add("descriptor", descriptorOf(bits))
	}
	for bits := range 1 << 3 {
		add("platform", platformOf(bits))
	}
	for bits := range 1 << 6 {
		add("manifest", manifestOf(bits))
		add("index", indexOf(bits))
	}
	for range 150 {
		switch random.IntN(3) {
		case 0:
			add("descriptor", randomDescriptor())
		case 1:
			add("manifest", randomManifest())
		case 2:
			add("index", randomIndex())
		}
	}
	return lines
}

// sorted writes a JSON object anew with its keys sorted and no HTML escapes: another spelling of
// the same value.
func sorted(written []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(written))
	decoder.UseNumber()
	var value any
	check(decoder.Decode(&value))
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	check(encoder.Encode(value))
	return out.String()
}

func digest(content []byte) string {
	hash := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(hash[:])
}

func describe(mediaType, content string) descriptor {
	return descriptor{MediaType: mediaType, Digest: digest([]byte(content)), Size: int64(len(content))}
}

func platformOf(bits int) platform {
	made := platform{Architecture: "arm64", OS: "linux"}
	if bits&1 != 0 {
		made.OSVersion = "10.0.17763"
	}
	if bits&2 != 0 {
		made.OSFeatures = []string{"win32k", "<>"}
	}
	if bits&4 != 0 {
		made.Variant = "v8"
	}
	return made
}

func descriptorOf(bits int) descriptor {
	made := describe(layerType, "content")
	if bits&1 != 0 {
		made.URLs = []string{"https://example.com/?a=b&c=<d>", "x"}
	}
	if bits&2 != 0 {
		made.Annotations = map[string]string{"org.opencontainers.image.title": "hi.txt", "é": "<&>\u2028", "": "", "B": "b", "a": "😀"}
	}
	if bits&4 != 0 {
		made.Data = []byte("{}\xff")
	}
	if bits&8 != 0 {
		platform := platformOf(bits)
		made.Platform = &platform
	}
	if bits&16 != 0 {
		made.ArtifactType = "application/vnd.example+type"
	}
	return made
}

func emptyDescriptor() descriptor {
	made := describe(emptyType, "{}")
	made.Data = []byte("{}")
	return made
}

func descriptors(count, bits int) []descriptor {
	made := []descriptor{}
	for number := range count {
		made = append(made, descriptorOf(bits*7+number))
	}
	return made
}

func manifestOf(bits int) manifest {
	made := manifest{SchemaVersion: 2, Config: emptyDescriptor(), Layers: descriptors(bits&3, bits)}
	if bits&4 != 0 {
		made.MediaType = manifestType
	}
	if bits&8 != 0 {
		made.ArtifactType = "application/vnd.unknown.artifact.v1"
	}
	if bits&16 != 0 {
		subject := describe(manifestType, "subject")
		made.Subject = &subject
	}
	if bits&32 != 0 {
		made.Annotations = map[string]string{"org.opencontainers.image.created": "2000-01-01T00:00:00Z", "a<b>&c": "\"é\""}
	}
	return made
}

func indexOf(bits int) index {
	made := index{SchemaVersion: 2, Manifests: descriptors(bits&3, bits)}
	if bits&4 != 0 {
		made.MediaType = indexType
	}
	if bits&8 != 0 {
		made.ArtifactType = "application/vnd.example+type"
	}
	if bits&16 != 0 {
		subject := describe(manifestType, "subject")
		made.Subject = &subject
	}
	if bits&32 != 0 {
		made.Annotations = map[string]string{"z": "", "a": "\x00\x1f\x7f", "<": ">"}
	}
	return made
}

func randomDescriptor() descriptor {
	made := descriptor{MediaType: anyText(20), Digest: digest([]byte(anyText(9))), Size: random.Int64() >> random.IntN(64), Annotations: anyAnnotations()}
	for range random.IntN(3) {
		made.URLs = append(made.URLs, anyText(20))
	}
	for range random.IntN(9) {
		made.Data = append(made.Data, byte(random.IntN(256)))
	}
	if random.IntN(2) == 0 {
		made.Platform = &platform{Architecture: anyText(9), OS: anyText(9), OSVersion: anyText(3), Variant: anyText(3)}
	}
	if random.IntN(2) == 0 {
		made.ArtifactType = anyText(20)
	}
	return made
}

func randomDescriptors() []descriptor {
	made := []descriptor{}
	for range random.IntN(3) {
		made = append(made, randomDescriptor())
	}
	return made
}

func randomManifest() manifest {
	made := manifest{SchemaVersion: 2, MediaType: manifestType, ArtifactType: anyText(9), Config: randomDescriptor(), Layers: randomDescriptors(), Annotations: anyAnnotations()}
	if random.IntN(2) == 0 {
		subject := randomDescriptor()
		made.Subject = &subject
	}
	return made
}

func randomIndex() index {
	made := index{SchemaVersion: 2, MediaType: indexType, ArtifactType: anyText(9), Manifests: randomDescriptors(), Annotations: anyAnnotations()}
	if random.IntN(2) == 0 {
		subject := randomDescriptor()
		made.Subject = &subject
	}
	return made
}

func anyAnnotations() map[string]string {
	made := map[string]string{}
	for range random.IntN(4) {
		made[anyText(12)] = anyText(20)
	}
	return made
}

// anyText makes text of up to so many characters, those that JSON treats specially more often.
func anyText(most int) string {
	var text strings.Builder
	for range random.IntN(most + 1) {
		switch random.IntN(4) {
		case 0:
			text.WriteRune(rune(random.IntN(0x80)))
		case 1:
			special := []rune("<>&\"\\/\u2028\u2029\ufffd\n😀é")
			text.WriteRune(special[random.IntN(len(special))])
		case 2:
			text.WriteRune(rune(' ' + random.IntN(0x5f)))
		default:
			r := rune(random.IntN(0x110000))
			if r >= 0xd800 && r <= 0xdfff {
				r = 0xfffd
			}
			text.WriteRune(r)
		}
	}
	return text.String()
}

// JSON text, or what is nearly JSON, and what Indent makes of it; nothing if it is not JSON.
type indentVector struct {
	Input  string  `json:"input"`
	Output *string `json:"output"`
}

func indentVectors() []any {
	inputs := []string{
		"", " ", "{}", "[]", "{ }", "[ ]", " {} \n", "null", " true ", "7 ", "-0.0", "\"\"", "1e9\n", "[1,2]", "{\"a\":[]}", "[[],{},[{}]]",
		"{\"a\" : 1 , \"b\" : [ ] }", "[\"\\u003c<\\\"[{,:}]\\\\\"]", "{\"b\":1.50,\"a\":2e+1,\"b\":3}", "[\n\n1\n]\n\n", "\t[\r\n]\r\n",
		"{\"\":{\"\":{\"\":{}}}}", "[\"é\u2028😀\"]", "[\"\\ud800\"]",
		"{", "}", "[1,]", "{\"a\"}", "{\"a\":}", "[1 2]", "{} {}", "tru", "01", "1.", ".5", "+1", "'a'", "\"\x01\"", "\"\\x\"", "[}", "{]", "\ufeff{}", "//", "1,", "nan",
	}
	for range 150 {
		text := randomJSON(4)
		inputs = append(inputs, text)
		// The same text with one byte of ASCII damaged.
		if place := random.IntN(len(text)); text[place] < 0x80 {
			damaged := []byte(text)
			damaged[place] = "[]{}:,\" 0e.-\\ntu"[random.IntN(16)]
			inputs = append(inputs, string(damaged))
		}
	}
	lines := []any{}
	for _, input := range inputs {
		line := indentVector{Input: input}
		var out bytes.Buffer
		if json.Indent(&out, []byte(input), "", "  ") == nil {
			output := out.String()
			line.Output = &output
		}
		lines = append(lines, line)
	}
	return lines
}

func randomJSON(depth int) string {
	kinds := 7
	if depth == 0 {
		kinds = 5
	}
	switch random.IntN(kinds) {
	case 0:
		return []string{"null", "true", "false"}[random.IntN(3)]
	case 1:
		return strconv.FormatInt(random.Int64()>>random.IntN(64), 10)
	case 2:
		return []string{"0.10", "-1e5", "1E-0", "12.5e+07", "-0"}[random.IntN(5)]
	case 3, 4:
		return string(must(json.Marshal(anyText(8))))
	case 5:
		return list("[", "]", func() string { return randomJSON(depth - 1) })
	default:
		return list("{", "}", func() string {
			return string(must(json.Marshal(anyText(4)))) + blanks() + ":" + blanks() + randomJSON(depth-1)
		})
	}
}

func list(open, closing string, item func() string) string {
	items := []string{}
	for range random.IntN(4) {
		items = append(items, blanks()+item()+blanks())
	}
	return open + blanks() + strings.Join(items, ",") + closing
}

func blanks() string {
	return []string{"", "", "", " ", "\n", "\t", "\r\n", "  "}[random.IntN(8)]
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
