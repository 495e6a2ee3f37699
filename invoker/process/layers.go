package process

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/esm-run/esm/config"
)

// addLayers adds to env where fn's layers have programs, libraries and modules, in Lambda's order (AWS: "Packaging your layer
// content"). A command may be of any language and version, so that it gets the places of all of them.
func addLayers(env map[string]string, fn config.Function) {
	if len(fn.Layers) == 0 {
		return
	}
	python, isPython := strings.CutPrefix(fn.Runtime, "python")
	node, isNode := strings.CutPrefix(strings.TrimSuffix(fn.Runtime, ".x"), "nodejs")
	if len(fn.Command) > 0 {
		python, isPython, node, isNode = "3.*", true, "*", true
	}
	if isPython {
		env["PYTHONPATH"] = inLayers(fn.Layers, "python/lib/python"+python+"/site-packages", "python")
	}
	if isNode {
		env["NODE_PATH"] = inLayers(fn.Layers, "nodejs/node"+node+"/node_modules", "nodejs/node_modules")
	}
	env["PATH"] = joined(env["PATH"], inLayers(fn.Layers, "bin"))
	env["LD_LIBRARY_PATH"] = joined(env["LD_LIBRARY_PATH"], inLayers(fn.Layers, "lib"))
}

// inLayers returns the directories of layers that match one of patterns, those of the last layer first, joined as in PATH.
func inLayers(layers []string, patterns ...string) string {
	var found []string
	for _, layer := range lastFirst(layers) {
		for _, pattern := range patterns {
			found = append(found, matches(layer, pattern)...)
		}
	}
	return strings.Join(found, ":")
}

// matches returns the directories in dir whose paths match a slash-separated pattern, the highest version first.
func matches(dir, pattern string) []string {
	found, err := filepath.Glob(filepath.Join(escapeGlob(dir), filepath.FromSlash(pattern)))
	if err != nil {
		return nil
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(b, a)) }) // 3.12 before 3.9
	return found
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// lastFirst returns layers in the order in which files are searched: later ones are over earlier ones.
func lastFirst(layers []string) []string {
	order := slices.Clone(layers)
	slices.Reverse(order)
	return order
}

func joined(a, b string) string { return strings.Trim(a+":"+b, ":") }
