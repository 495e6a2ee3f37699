package configfile

import "github.com/esm-run/esm/config"

var functionShape = objectOf(inFunction,
	field("Command", func(f *config.Function) *[]string { return &f.Command }, listOf(1, 0, textOf()),
		"Runs the function as a process that speaks the Runtime API: the program and its arguments."),
	field("Runtime", func(f *config.Function) *string { return &f.Runtime },
		textOf(matching(`python3\.[0-9]+|nodejs[0-9]+\.x|provided(\.[a-z0-9]+)?`,
			"is not a runtime of this version: python3.x, nodejs*.x, provided.*; run another language by Command, with its runtime interface client")),
		"Runs the function as a process started by a bundled bootstrap: python3.x, nodejs*.x, or the bootstrap of provided.*."),
	field("Handler", func(f *config.Function) *string { return &f.Handler },
		textOf(matching(`\S{1,128}`, "is not a handler: up to 128 characters without blanks")),
		"The function in the code: module.function, such as app.lambda_handler. For Runtime."),
	field("CodeUri", func(f *config.Function) *string { return &f.CodeUri }, textOf(notEmpty),
		"The code's directory, relative to this file: where the process is started. Default: the directory of this file."),
	field("InvokeEndpoint", func(f *config.Function) *string { return &f.InvokeEndpoint }, textOf(urlRule),
		"Runs the function elsewhere: a URL that answers Lambda's Invoke (AWS, LocalStack, the runtime interface emulator)."),
	field("Role", func(f *config.Function) *string { return &f.Role },
		textOf(matching(`arn:aws[a-zA-Z-]*:iam::[0-9]{12}:role/[a-zA-Z0-9+=,.@_/-]+`, "is not the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)")),
		"Only shown. Default arn:aws:iam::<AccountId>:role/<function>."),
	field("MemorySize", func(f *config.Function) *int { return &f.MemorySize }, integerOf(config.DefaultMemorySize, config.MaxMemorySize),
		"Memory in MB, 128 to 10240. Default 128. It is passed to the function and not enforced for processes."),
	field("Timeout", func(f *config.Function) *int { return &f.Timeout }, integerOf(1, config.MaxTimeout),
		"How long one invocation may take, in seconds, 1 to 900. Default 3."),
	field("Environment", func(f *config.Function) *variables { return &f.Environment }, environmentShape,
		"The function's environment."),
	field("Architectures", func(f *config.Function) *[]string { return &f.Architectures }, listOf(1, 1, textOf(oneOf("x86_64", "arm64"))),
		"[x86_64] or [arm64]: it must be that of this machine. Default: that."),
	field("ReservedConcurrentExecutions", func(f *config.Function) **int { return &f.ReservedConcurrentExecutions },
		pointerTo(integerOf(0, config.MaxConcurrency)),
		"Set aside for this function and also its limit. 0 switches it off. Without it the function shares Engine.Concurrency."),
	field("LoggingConfig", func(f *config.Function) *logging { return &f.LoggingConfig }, loggingShape,
		"How the function's output is written."),
)

// Package config declares these as unnamed structs.
type (
	variables = struct{ Variables map[string]string }
	logging   = struct{ LogFormat string }
)

var environmentShape = objectOf("environment",
	field("Variables", func(v *variables) *map[string]string { return &v.Variables }, mapOf(textOf()),
		"Texts by their names, at most 4096 bytes together. Names that Lambda sets itself are refused."),
)

var loggingShape = objectOf(inLogging,
	field("LogFormat", func(l *logging) *string { return &l.LogFormat }, textOf(oneOf("Text", "JSON")), "Text or JSON. Default Text."),
)
