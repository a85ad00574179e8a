// Answers filters with containerd's own package.
//
// Input, one line each; every text is in hexadecimal, "-" is the empty one:
//
//	info NAME PARENT KIND [KEY VALUE]...
//	filters [TEXT]...
//
// Each "filters" line is answered by one line: "ok" and a digit for each info so far (1: matches),
// or "no" and the text of the error.
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/containerd/containerd/filters"
	"github.com/containerd/containerd/log"
)

type info struct {
	name, parent, kind string
	labels             map[string]string
}

// Field is what containerd's snapshot adaptor does.
func (i info) Field(path []string) (string, bool) {
	switch path[0] {
	case "name":
		return i.name, true
	case "parent":
		return i.parent, true
	case "kind":
		return i.kind, i.kind != ""
	case "labels":
		value, ok := i.labels[strings.Join(path[1:], ".")]
		return value, ok
	}
	return "", false
}

func decode(words []string) []string {
	texts := make([]string, len(words))
	for i, word := range words {
		text, err := hex.DecodeString(strings.TrimPrefix(word, "-"))
		if err != nil {
			panic(err)
		}
		texts[i] = string(text)
	}
	return texts
}

func readInfo(texts []string) info {
	read := info{texts[0], texts[1], texts[2], map[string]string{}}
	for i := 3; i < len(texts); i += 2 {
		read.labels[texts[i]] = texts[i+1]
	}
	return read
}

func answer(texts []string, infos []info) string {
	filter, err := filters.ParseAll(texts...)
	if err != nil {
		return "no " + hex.EncodeToString([]byte(err.Error()))
	}
	verdicts := make([]byte, len(infos))
	for i, one := range infos {
		verdicts[i] = '0'
		if filter.Match(one) {
			verdicts[i] = '1'
		}
	}
	return "ok " + string(verdicts)
}

func main() {
	log.L.Logger.SetOutput(io.Discard)
	var infos []info
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		texts := decode(words[1:])
		if words[0] == "info" {
			infos = append(infos, readInfo(texts))
		} else {
			fmt.Fprintln(out, answer(texts, infos))
		}
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
}
