package configfile

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	aws "github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/uuid"

	"github.com/esm-run/esm/config"
)

// Overrides are the command's flags, which replace settings of the file. Empty leaves the setting to the file.
type Overrides struct {
	Endpoint string // Aws.Endpoint
	DataDir  string // Engine.DataDir, relative to the current directory
	Listen   string // Engine.Listen
}

// Load reads a mappings file, fills in its defaults and checks it. It needs no network. The File is nil if the report
// has errors; a file that cannot be opened is one of them.
//
// Paths in the file are relative to the file's directory. ${NAME} and ${NAME:-default} in texts are replaced with values of
// the environment. Findings do not contain those values.
func Load(path string, over Overrides) (*File, Report) {
	d := newDecoder(path)
	d.profileRegion = profileRegion
	data, err := readAll(path)
	if err != nil {
		d.errorHere(place{}, "", "%v", errors.Unwrap(err))
		return nil, d.report
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		d.errorHere(place{}, "", "%v", err)
		return nil, d.report
	}
	return d.load(data, dir, over)
}

// readAll reads at most one byte more than parse accepts.
func readAll(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

func (d *decoder) load(data []byte, dir string, over Overrides) (*File, Report) {
	d.widths = widthsOf(data)
	root, err := parse(data)
	if syntax, ok := errors.AsType[*syntaxError](err); ok {
		d.errorHere(syntax.place, "", "%s", syntax.message)
		return nil, d.report
	}
	d.take("", root.place)
	r, _ := fileShape.read(d, root, "")
	if d.left <= 0 {
		return nil, d.report // what was not read cannot be checked
	}
	d.override(&r, over)
	d.checkFunctions(r, dir)
	f := d.fill(r, dir)
	d.checkAsyncDestinations(f)
	d.checkMappings(f)
	d.checkResources(f)
	d.checkTopics(f)
	d.checkBuckets(f)
	d.checkRules(f)
	d.checkQueues(f)
	d.checkTables(f)
	d.checkStreamsOfTables(f)
	d.warn(f)
	d.report.sort()
	if len(d.report.Errors) > 0 {
		return nil, d.report
	}
	return f, d.report
}

// override replaces settings of the file with those of flags.
func (d *decoder) override(r *raw, over Overrides) {
	for _, flag := range []struct {
		name, value string
		into        *string
		rule        rule
	}{
		{"--endpoint", over.Endpoint, &r.Aws.Endpoint, endpointRule},
		{"--listen", over.Listen, &r.Engine.Listen, listenRule},
		{"--data-dir", over.DataDir, &r.Engine.DataDir, notEmpty},
	} {
		if flag.value == "" {
			continue
		}
		if wrong := flag.rule.wrong(flag.value); wrong != "" {
			d.errorHere(place{}, flag.name, "%s %s", quote(flag.value), wrong)
			continue
		}
		*flag.into = flag.value
	}
	if over.DataDir != "" {
		abs, err := filepath.Abs(over.DataDir)
		if err != nil {
			d.errorHere(place{}, "--data-dir", "%v", err)
		}
		r.Engine.DataDir = abs
	}
}

// fill returns the file with every default filled in and every path absolute.
func (d *decoder) fill(r raw, dir string) *File {
	f := &File{Path: d.report.File, Aws: r.Aws, Engine: r.Engine, Resources: r.Resources}
	f.Aws.Region = d.region(r)
	f.Engine.DataDir = within(dir, f.Engine.DataDir)
	for _, m := range r.Functions {
		m.value.Name = m.key
		f.Functions = append(f.Functions, filledFunction(m.value, f.Aws, dir))
	}
	for _, m := range r.Mappings {
		f.Mappings = append(f.Mappings, m.Defaults())
	}
	return f
}

// region returns the region of functions and created resources; see [Aws].
func (d *decoder) region(r raw) string {
	if r.Aws.Region != "" {
		return r.Aws.Region
	}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if value, _ := d.lookup(name); value != "" {
			return value
		}
	}
	if region := d.profileRegion(); region != "" {
		return region
	}
	for _, m := range r.Mappings {
		if region := m.Source().ARN.Region; region != "" {
			return region
		}
	}
	return config.DefaultRegion
}

// profileRegion returns the region of the SDK's shared configuration, if any.
func profileRegion() string {
	profile, err := aws.LoadSharedConfigProfile(context.Background(), cmp.Or(os.Getenv("AWS_PROFILE"), "default"))
	if err != nil {
		return "" // nearly always because there is no such file
	}
	return profile.Region
}

func filledFunction(fn config.Function, a Aws, dir string) config.Function {
	fn = fn.Defaults()
	fn.FunctionArn = config.FunctionARN(a.Region, a.AccountId, fn.Name)
	if fn.Role == "" {
		fn.Role = "arn:" + config.PartitionOf(a.Region) + ":iam::" + a.AccountId + ":role/" + fn.Name
	}
	if fn.InvokeEndpoint == "" && fn.ImageUri == "" {
		fn.CodeUri = within(dir, fn.CodeUri)
	}
	fn.Layers = slices.Clone(fn.Layers)
	for i, layer := range fn.Layers {
		fn.Layers[i] = within(dir, layer)
	}
	return fn
}

// within returns path as an absolute path; a relative one is relative to dir.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// namespace is the namespace of mapping UUIDs: a version 5 UUID of this URL.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/esm-run/esm/event-source-mappings"))

// identity returns the UUID of a mapping that has none in the file: a version 5 UUID of the function, the source and, if the
// mapping sets one, the source's endpoint, each on a line. It must never change: the data directory stores state under it.
func identity(m config.Mapping) string {
	name := m.FunctionName + "\n" + m.EventSourceArn
	if m.Endpoint != "" {
		name += "\n" + m.Endpoint
	}
	return uuid.NewSHA1(namespace, []byte(name)).String()
}
