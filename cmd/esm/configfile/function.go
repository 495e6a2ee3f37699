package configfile

import "github.com/esm-run/esm/config"

var functionShape = objectOf(inFunction,
	field("Command", func(f *config.Function) *[]string { return &f.Command }, listOf(1, 0, textOf()),
		"Runs the function as a process that speaks the Runtime API: the program and its arguments."),
	field("ImageUri", func(f *config.Function) *string { return &f.ImageUri }, textOf(notEmpty),
		"Runs the function in containers of this image: an image for Lambda, or any with a runtime interface client."),
	field("ImageConfig", func(f *config.Function) *config.ImageConfig { return &f.ImageConfig }, imageConfigShape,
		"Replaces settings of the image. For ImageUri."),
	field("Runtime", func(f *config.Function) *string { return &f.Runtime },
		textOf(matching(`python3\.[0-9]+|nodejs[0-9]+\.x|provided(\.[a-z0-9]+)?|java[0-9]+(\.al2)?|ruby[0-9]+\.[0-9]+|dotnet[0-9]+`,
			"is not a runtime of this version: python3.x, nodejs*.x, provided.*, and with Run: container java*, ruby*.x, dotnet*; run another language by Command, with its runtime interface client")),
		"Runs the function as a process started by a bundled bootstrap: python3.x, nodejs*.x, or the bootstrap of provided.*. With Run: container, in BaseImage."),
	field("Run", func(f *config.Function) *string { return &f.Run }, textOf(oneOf(config.RunProcess, config.RunContainer)),
		"What Runtime starts: a process or a container of BaseImage. Default process."),
	field("BaseImage", func(f *config.Function) *string { return &f.BaseImage }, textOf(notEmpty),
		"The image that runs CodeUri with Run: container, such as public.ecr.aws/lambda/python:3.12."),
	field("Handler", func(f *config.Function) *string { return &f.Handler },
		textOf(matching(`\S{1,128}`, "is not a handler: up to 128 characters without blanks")),
		"The function in the code: module.function, such as app.lambda_handler. For Runtime."),
	field("CodeUri", func(f *config.Function) *string { return &f.CodeUri }, textOf(notEmpty),
		"The code, relative to this file: a directory, or a .zip file that is unpacked. Processes are started there. Default: the directory of this file."),
	field("Layers", func(f *config.Function) *[]string { return &f.Layers }, listOf(0, config.MaxLayers, textOf(notEmpty)),
		"Directories or .zip files, relative to this file, whose content is at /opt in containers, later ones over earlier ones. Processes reach their libraries and programs."),
	field("InvokeEndpoint", func(f *config.Function) *string { return &f.InvokeEndpoint }, textOf(urlRule),
		"Runs the function elsewhere: a URL that answers Lambda's Invoke (AWS, LocalStack, the runtime interface emulator)."),
	field("Role", func(f *config.Function) *string { return &f.Role },
		textOf(matching(`arn:aws[a-zA-Z-]*:iam::[0-9]{12}:role/[a-zA-Z0-9+=,.@_/-]+`, "is not the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)")),
		"Only shown. Default arn:aws:iam::<AccountId>:role/<function>."),
	field("MemorySize", func(f *config.Function) *int { return &f.MemorySize }, integerOf(config.DefaultMemorySize, config.MaxMemorySize),
		"Memory in MB, 128 to 10240. Default 128. It limits containers, and is passed to processes without being enforced."),
	field("EphemeralStorage", func(f *config.Function) *storage { return &f.EphemeralStorage }, storageShape,
		"The size of /tmp in containers."),
	field("Container", func(f *config.Function) *config.ContainerSettings { return &f.Container }, containerShape,
		"Settings of the function's containers that Lambda does not have."),
	field("Timeout", func(f *config.Function) *int { return &f.Timeout }, integerOf(1, config.MaxTimeout),
		"How long one invocation may take, in seconds, 1 to 900. Default 3."),
	field("Environment", func(f *config.Function) *variables { return &f.Environment }, environmentShape,
		"The function's environment."),
	field("Architectures", func(f *config.Function) *[]string { return &f.Architectures }, listOf(1, 1, textOf(oneOf("x86_64", "arm64"))),
		"[x86_64] or [arm64]: that of this machine, or for containers one that Docker can run. Default: this machine's."),
	field("ReservedConcurrentExecutions", func(f *config.Function) **int { return &f.ReservedConcurrentExecutions },
		pointerTo(integerOf(0, config.MaxConcurrency)),
		"Set aside for this function and also its limit. 0 switches it off. Without it the function shares Engine.Concurrency."),
	field("ProvisionedConcurrentExecutions", func(f *config.Function) *int { return &f.ProvisionedConcurrentExecutions },
		integerOf(1, config.MaxConcurrency),
		"How many environments are started before the first event and kept. They count against the function's concurrency."),
	field("Spares", func(f *config.Function) *int { return &f.Spares }, integerOf(0, config.MaxConcurrency),
		"How many environments are kept started and idle, beside those that are busy. Default 0."),
	field("Freeze", func(f *config.Function) *bool { return &f.Freeze }, trueOrFalse,
		"Stops an environment while it is idle, as Lambda does. Default false."),
	field("CapacityProviderConfig", func(f *config.Function) **config.CapacityProvider { return &f.CapacityProviderConfig }, pointerTo(capacityShape),
		"Makes each environment run several invocations at once, as Lambda Managed Instances do."),
	field("EventInvokeConfig", func(f *config.Function) **config.EventInvokeConfig { return &f.EventInvokeConfig }, pointerTo(eventInvokeShape),
		"How asynchronous events are retried, and where their ends are reported."),
	field("DeadLetterConfig", func(f *config.Function) *deadLetter { return &f.DeadLetterConfig }, deadLetterShape,
		"Where asynchronous events go that were given up."),
	field("FunctionUrlConfig", func(f *config.Function) **config.FunctionURLConfig { return &f.FunctionUrlConfig }, pointerTo(functionURLShape),
		"Gives the function a URL."),
	field("LoggingConfig", func(f *config.Function) *config.Logging { return &f.LoggingConfig }, loggingShape,
		"How the function's output is written."),
)

var capacityShape = objectOf("capacity provider",
	required(field("LambdaManagedInstancesCapacityProviderConfig",
		func(c *config.CapacityProvider) *config.ManagedInstances {
			return &c.LambdaManagedInstancesCapacityProviderConfig
		}, managedInstancesShape,
		"Settings of the environments.")),
)

var managedInstancesShape = objectOf(inManagedInstances,
	required(field("PerExecutionEnvironmentMaxConcurrency", func(m *config.ManagedInstances) *int { return &m.PerExecutionEnvironmentMaxConcurrency },
		integerOf(1, config.MaxPerEnvironment),
		"How many invocations an environment runs at once, 1 to 1600. The runtime gets it as AWS_LAMBDA_MAX_CONCURRENCY.")),
)

// Package config declares these as unnamed structs.
type (
	variables  = struct{ Variables map[string]string }
	deadLetter = struct{ TargetArn string }
	storage    = struct{ Size int }
)

var environmentShape = objectOf("environment",
	field("Variables", func(v *variables) *map[string]string { return &v.Variables }, mapOf(textOf()),
		"Texts by their names, at most 4096 bytes together. Names that Lambda sets itself are refused."),
)

var loggingShape = objectOf(inLogging,
	field("LogFormat", func(l *config.Logging) *string { return &l.LogFormat }, textOf(oneOf("Text", "JSON")), "Text or JSON. Default Text."),
	field("ApplicationLogLevel", func(l *config.Logging) *string { return &l.ApplicationLogLevel },
		textOf(oneOf(config.ApplicationLogLevels...)),
		"The least level of the function's lines that are JSON objects. Only with JSON. Default INFO."),
	field("SystemLogLevel", func(l *config.Logging) *string { return &l.SystemLogLevel },
		textOf(oneOf(config.SystemLogLevels...)),
		"The least level of the platform's events. Only with JSON. Default INFO."),
)

var deadLetterShape = objectOf("dead letter",
	required(field("TargetArn", func(d *deadLetter) *string { return &d.TargetArn }, textOf(notEmpty),
		"The ARN of a standard SQS queue or a standard SNS topic.")),
)

var eventInvokeShape = objectOf("event invoke",
	field("MaximumRetryAttempts", func(c *config.EventInvokeConfig) **int { return &c.MaximumRetryAttempts },
		pointerTo(integerOf(0, config.MaxRetryAttempts)),
		"How often an event is tried again after its function has failed, 0 to 2. Default 2."),
	field("MaximumEventAgeInSeconds", func(c *config.EventInvokeConfig) **int { return &c.MaximumEventAgeInSeconds },
		pointerTo(integerOf(config.MinEventAge, config.MaxEventAge)),
		"The age at which an event is given up, 60 to 21600 seconds. Default 21600."),
	field("DestinationConfig", func(c *config.EventInvokeConfig) *config.EventDestinations { return &c.DestinationConfig }, eventDestinationsShape,
		"Where invocation records are sent."),
)

var eventDestinationsShape = objectOf("event destinations",
	field("OnSuccess", func(c *config.EventDestinations) *config.EventDestination { return &c.OnSuccess }, eventDestinationShape,
		"For events whose function succeeded."),
	field("OnFailure", func(c *config.EventDestinations) *config.EventDestination { return &c.OnFailure }, eventDestinationShape,
		"For events that were given up."),
)

var eventDestinationShape = objectOf("event destination",
	field("Destination", func(d *config.EventDestination) *string { return &d.Destination }, textOf(),
		"The ARN of a standard SQS queue, a standard SNS topic, an EventBridge event bus or a Lambda function; OnFailure also takes an S3 bucket."),
)

var functionURLShape = objectOf("function URL",
	field("AuthType", func(c *config.FunctionURLConfig) *string { return &c.AuthType }, textOf(oneOf("NONE", "AWS_IAM")),
		"NONE or AWS_IAM, which is not checked: the engine's address has no authentication. Default NONE."),
	field("InvokeMode", func(c *config.FunctionURLConfig) *string { return &c.InvokeMode }, textOf(oneOf("BUFFERED", "RESPONSE_STREAM")),
		"RESPONSE_STREAM passes the response on while the handler writes it. Default BUFFERED."),
	field("Cors", func(c *config.FunctionURLConfig) **config.Cors { return &c.Cors }, pointerTo(corsShape),
		"The pages of other origins that may call the URL."),
)

var corsShape = objectOf("cors",
	field("AllowCredentials", func(c *config.Cors) *bool { return &c.AllowCredentials }, trueOrFalse, "Whether calls may have cookies."),
	field("AllowHeaders", func(c *config.Cors) *[]string { return &c.AllowHeaders }, listOf(0, 100, textOf()), "Headers that calls may have; * is any."),
	field("AllowMethods", func(c *config.Cors) *[]string { return &c.AllowMethods }, listOf(0, 6, textOf(oneOf("GET", "PUT", "HEAD", "POST", "PATCH", "DELETE", "*"))), "Methods of calls; * is any."),
	field("AllowOrigins", func(c *config.Cors) *[]string { return &c.AllowOrigins }, listOf(0, 100, textOf()), "Origins of pages, such as https://example.com; * is any."),
	field("ExposeHeaders", func(c *config.Cors) *[]string { return &c.ExposeHeaders }, listOf(0, 100, textOf()), "Headers of responses that pages may read."),
	field("MaxAge", func(c *config.Cors) *int { return &c.MaxAge }, integerOf(0, 86400), "How long a browser may remember this, in seconds."),
)
