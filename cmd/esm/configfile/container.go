package configfile

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/code"
)

var imageConfigShape = objectOf("image config",
	field("EntryPoint", func(c *config.ImageConfig) *[]string { return &c.EntryPoint }, listOf(0, config.MaxImageArguments, textOf()),
		"Replaces ENTRYPOINT: the program and its first arguments."),
	field("Command", func(c *config.ImageConfig) *[]string { return &c.Command }, listOf(0, config.MaxImageArguments, textOf()),
		"Replaces CMD, such as the handler of one of AWS's base images."),
	field("WorkingDirectory", func(c *config.ImageConfig) *string { return &c.WorkingDirectory }, textOf(matching(`/.{0,999}`, "is not an absolute path of up to 1000 characters, such as /var/task")),
		"Replaces WORKDIR."),
)

var storageShape = objectOf("ephemeral storage",
	required(field("Size", func(s *storage) *int { return &s.Size }, integerOf(config.MinEphemeralStorage, config.MaxEphemeralStorage),
		"MB, 512 to 10240. Default 512.")),
)

var containerShape = objectOf("container",
	field("User", func(c *config.ContainerSettings) *string { return &c.User },
		textOf(matching(`[0-9]{1,10}(:[0-9]{1,10})?|image`, `is neither numbers of a user and a group, such as "1000:1000", nor image`)),
		`User and group, as numbers, or "image" for the image's own USER. Default 993:990, as on Lambda.`),
	field("Internal", func(c *config.ContainerSettings) *bool { return &c.Internal }, trueOrFalse,
		"Leaves the container without a way out of its network. Default false."),
	field("CPULimit", func(c *config.ContainerSettings) *bool { return &c.CPULimit }, trueOrFalse,
		"Limits CPU time to Lambda's share for MemorySize (a CPU for 1769 MB) once Init is over. Default false: a share only where CPUs are short."),
)

// Networks of functions are subnets of Engine.ContainerNetworks, which has room for at least one and at most a few million.
const (
	widestNetworks    = 8
	narrowestNetworks = 24
)

// networksRule requires a private range of IPv4 addresses.
var networksRule = rule{func(s string) string {
	const want = "is not a range of private IPv4 addresses such as 10.208.0.0/12"
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || !p.Addr().Is4() || !p.Addr().IsPrivate() && !shared.Contains(p.Addr()):
		return want
	case p.Masked() != p:
		return fmt.Sprintf("is not the beginning of its range: write %s", p.Masked())
	case p.Bits() < widestNetworks || p.Bits() > narrowestNetworks:
		return fmt.Sprintf("should have a prefix from /%d to /%d", widestNetworks, narrowestNetworks)
	}
	return ""
}, schema{"pattern": orVariable(`[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}`)}}

// shared are the addresses between providers and their customers (RFC 6598), which private networks use too.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// checkCode checks that a function's code and layers exist.
func (d *decoder) checkCode(fn config.Function, at, dir string) {
	if fn.InvokeEndpoint != "" || fn.ImageUri != "" {
		return
	}
	if fn.CodeUri != "" {
		d.checkPackage(config.Member(at, "CodeUri"), dir, fn.CodeUri)
	}
	for i, layer := range fn.Layers {
		if layer != "" {
			d.checkPackage(fmt.Sprintf("%s[%d]", config.Member(at, "Layers"), i), dir, layer)
		}
	}
}

// checkPackage checks that the value at a path is a directory or an archive.
func (d *decoder) checkPackage(at, dir, path string) {
	if strings.Contains(path, "://") {
		d.errorf(at, "is a URL, and this version does not fetch code: name a local directory or .zip file")
		return
	}
	path = within(dir, path)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		d.errorf(at, "does not exist (relative to this file)")
	case err != nil:
		d.errorf(at, "cannot be read: %v", errors.Unwrap(err))
	case info.IsDir():
	case !isArchive(path):
		d.errorf(at, "is neither a directory nor a .zip file")
	default:
		d.checkArchive(at, path)
	}
}

// checkArchive checks that the archive at a path can be unpacked.
func (d *decoder) checkArchive(at, path string) {
	err := code.Check(path)
	if invalid := (*code.Invalid)(nil); errors.As(err, &invalid) {
		d.errorf(at, "%s", strings.TrimLeft(strings.TrimPrefix(err.Error(), path), ": "))
	} else if err != nil {
		d.errorf(at, "cannot be read: %v", cmp.Or(errors.Unwrap(err), err))
	}
}

// isArchive reports whether a path of code names an archive, which has to be unpacked.
func isArchive(path string) bool { return strings.EqualFold(filepath.Ext(path), ".zip") }

// smallCPU is the memory below which [config.ContainerSettings] CPULimit leaves less than a seventh of a CPU.
const smallCPU = 256 // MB

// warnContainer warns of settings of containers, and of processes that have what containers have.
func (d *decoder) warnContainer(f *File, fn config.Function, at string) {
	if !fn.InContainer() {
		d.warnLayers(fn, config.Member(at, "Layers"))
	}
	if fn.Container.CPULimit && fn.Memory() < smallCPU {
		d.warnf(at+".Container.CPULimit", "with %d MB leaves the function %.0f %% of a CPU, as on Lambda: raise MemorySize if it is slow", fn.Memory(), 100*float64(fn.Memory())/1769)
	}
	if fn.Container.Internal {
		d.warnInternal(f.Aws, at+".Container.Internal")
	}
}

// foundInLayers are the names in layers that processes find: by variables, as a bootstrap, or as extensions.
var foundInLayers = []string{"bin", "lib", "python", "nodejs", "bootstrap", "extensions"}

// warnLayers warns of what a process does not find in its layers.
func (d *decoder) warnLayers(fn config.Function, at string) {
	for i, layer := range fn.Layers {
		lost := slices.DeleteFunc(topNames(layer), func(name string) bool { return slices.Contains(foundInLayers, name) })
		if len(lost) > 0 {
			d.warnf(fmt.Sprintf("%s[%d]", at, i), "has %s, which is at /opt on Lambda and nowhere for a process: use Run: container for what needs it", listed(lost))
		}
	}
}

// topNames returns the names at the top of a directory or an archive, sorted, none if it cannot be read.
func topNames(path string) (names []string) {
	if !isArchive(path) {
		entries, _ := os.ReadDir(path)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	r, err := zip.OpenReader(path)
	if err != nil {
		return nil
	}
	defer r.Close()
	for _, f := range r.File {
		name, _, _ := strings.Cut(f.Name, "/")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// listed returns the first few names.
func listed(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// warnInternal warns of a network without a way out from which AWS cannot be reached.
func (d *decoder) warnInternal(a Aws, at string) {
	switch {
	case a.Endpoint == "":
		d.warnf(at, "leaves no way to AWS: calls of AWS's SDKs fail, unless they go to a loopback Aws.Endpoint, which is relayed")
	case !isRelayed(a.Endpoint):
		d.warnf(at, "leaves no way to Aws.Endpoint, which is not on a loopback address and so is not relayed: calls of AWS's SDKs fail")
	}
}

// isRelayed reports whether containers reach an endpoint through the engine: the stand-in, or a loopback address.
func isRelayed(endpoint string) bool {
	if IsEmbedded(endpoint) {
		return true
	}
	u, err := url.Parse(endpoint)
	return err == nil && isLoopback(net.JoinHostPort(u.Hostname(), "80"))
}
