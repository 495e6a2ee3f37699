package configfile

var badContainers = []badFile{
	{"an image and what it contains", "Functions:\n  a:\n    ImageUri: orders:latest\n    Handler: app.handler\n    CodeUri: src\n    Layers: [bin]\n", false, []string{
		`4:5: Functions.a.Handler: is not for a function with ImageUri, as on Lambda: put it into the image, and remove it here`,
		`5:5: Functions.a.CodeUri: is not for a function with ImageUri, as on Lambda: put it into the image, and remove it here`,
		`6:5: Functions.a.Layers: is not for a function with ImageUri, as on Lambda: put it into the image, and remove it here`}},
	{"an image and a runtime", "Functions:\n  a:\n    ImageUri: orders:latest\n    Runtime: python3.12\n    Handler: app.handler\n", false, []string{
		`4:5: Functions.a.Runtime: is given together with ImageUri: give exactly one of ImageUri, Command, Runtime and InvokeEndpoint`}},
	{"an image that is a process", "Functions:\n  a: {ImageUri: orders, Run: process, BaseImage: base}\n", false, []string{
		`2:25: Functions.a.Run: is process, and ImageUri runs in a container: remove one of them`,
		`2:39: Functions.a.BaseImage: is given together with ImageUri: ImageUri is the whole function; for code outside of its image, give Runtime, Handler and CodeUri instead of ImageUri`}},
	{"names of images", "Functions:\n  a: {ImageUri: 'https://registry/orders'}\n  b: {Runtime: provided.al2023, Run: container, BaseImage: Base}\n", false, []string{
		`2:7: Functions.a.ImageUri: is not the name of an image, such as orders:latest or public.ecr.aws/lambda/python:3.12`,
		`3:49: Functions.b.BaseImage: is not the name of an image, such as orders:latest or public.ecr.aws/lambda/python:3.12`}},
	{"shapes of containers", "Functions:\n  a:\n    ImageUri: orders\n    ImageConfig: {EntryPoint: /bin/app, WorkingDirectory: task, Comand: []}\n    EphemeralStorage: {Size: 511}\n" +
		"    Container: {User: root, Internal: 1, Privileged: true}\n    Run: docker\n    Spares: -1\n    Freeze: 'yes'\n    Layers: src\n", true, []string{
		`4:19: Functions.a.ImageConfig.EntryPoint: "/bin/app" is text and should be a list: [/bin/app]`,
		`4:41: Functions.a.ImageConfig.WorkingDirectory: "task" is not an absolute path of up to 1000 characters, such as /var/task`,
		`4:65: Functions.a.ImageConfig.Comand: unknown key; did you mean Command?`,
		`5:24: Functions.a.EphemeralStorage.Size: 511 is below 512`,
		`6:17: Functions.a.Container.User: "root" is neither numbers of a user and a group, such as "1000:1000", nor image`,
		`6:29: Functions.a.Container.Internal: 1 is a whole number and should be true or false`,
		`6:42: Functions.a.Container.Privileged: unknown key: the keys here are User, Internal, CPULimit`,
		`7:5: Functions.a.Run: "docker" should be process or container`,
		`8:5: Functions.a.Spares: -1 is below 0`,
		`9:5: Functions.a.Freeze: "yes" is text and should be true or false`,
		`10:5: Functions.a.Layers: "src" is text and should be a list: [src]`}},
	{"no size", "Functions:\n  a: {ImageUri: orders, EphemeralStorage: {}}\n", true, []string{
		`2:25: Functions.a.EphemeralStorage.Size: is missing: MB, 512 to 10240. Default 512.`}},
	{"settings of containers for processes", "Functions:\n  a:\n    Command: [x]\n    EphemeralStorage: {Size: 512}\n    Container: {Internal: true, CPULimit: true}\n    BaseImage: base\n    ImageConfig: {Command: [x]}\n", false, []string{
		`4:5: Functions.a.EphemeralStorage: is a container's, and nothing limits the files of a process: remove it, or run the function in containers`,
		`5:17: Functions.a.Container.Internal: has no effect on a process: remove it, or run the function in containers (ImageUri, or Run: container)`,
		`5:33: Functions.a.Container.CPULimit: has no effect on a process: remove it, or run the function in containers (ImageUri, or Run: container)`,
		`6:5: Functions.a.BaseImage: has no effect without Run: container: add that, or remove it`,
		`7:5: Functions.a.ImageConfig: is for a function with ImageUri: remove it`}},
	{"no base image", "Functions:\n  a: {Runtime: nodejs22.x, Handler: index.handler, Run: container}\n  b: {Command: [x], Run: container}\n", false, []string{
		`2:3: Functions.a.BaseImage: is missing: Run: container needs the image that runs the code, such as public.ecr.aws/lambda/nodejs:22`,
		`3:21: Functions.b.Run: is container, and Command runs a process: give Runtime with BaseImage, or ImageUri with ImageConfig.Command`}},
	{"containers elsewhere", "Functions:\n  a: {InvokeEndpoint: 'http://h', Spares: 1, Freeze: true, Layers: [bin]}\n", false, []string{
		`2:35: Functions.a.Spares: has no effect together with InvokeEndpoint: set it where that function runs, and leave it out here`,
		`2:46: Functions.a.Freeze: has no effect together with InvokeEndpoint: set it where that function runs, and leave it out here`,
		`2:60: Functions.a.Layers: has no effect together with InvokeEndpoint: set it where that function runs, and leave it out here`}},
	{"several invocations at once", "Functions:\n  a:\n    Command: [x]\n    CapacityProviderConfig:\n      LambdaManagedInstancesCapacityProviderConfig:\n        CapacityProviderArn: arn\n" +
		"        PerExecutionEnvironmentMaxConcurrency: 1601\n        ExecutionEnvironmentMemoryGiBPerVCpu: 2\n  b: {Command: [x], CapacityProviderConfig: {LambdaManagedInstancesCapacityProviderConfig: {}}}\n" +
		"  c: {Command: [x], CapacityProviderConfig: {}}\n", true, []string{
		`6:9: Functions.a.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.CapacityProviderArn: environments run on this machine: remove it`,
		`7:9: Functions.a.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.PerExecutionEnvironmentMaxConcurrency: 1601 is above 1600`,
		`8:9: Functions.a.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.ExecutionEnvironmentMemoryGiBPerVCpu: environments run on this machine, whose CPUs they share: remove it`,
		`9:46: Functions.b.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.PerExecutionEnvironmentMaxConcurrency: is missing: How many invocations an environment runs at once, 1 to 1600. The runtime gets it as AWS_LAMBDA_MAX_CONCURRENCY.`,
		`10:21: Functions.c.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig: is missing: Settings of the environments.`,
		`10:21: Functions.c.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.PerExecutionEnvironmentMaxConcurrency: 0 is below 1`}},
	{"what several invocations at once exclude", "Functions:\n  a: &a\n    Runtime: python3.13\n    Handler: app.handler\n    Freeze: true\n    LoggingConfig: {LogFormat: Text}\n" +
		"    CapacityProviderConfig: {LambdaManagedInstancesCapacityProviderConfig: {PerExecutionEnvironmentMaxConcurrency: 2}}\n" +
		"  b: {InvokeEndpoint: 'http://h', CapacityProviderConfig: {LambdaManagedInstancesCapacityProviderConfig: {PerExecutionEnvironmentMaxConcurrency: 2}}}\n", false, []string{
		`3:5: Functions.a.Runtime: is run by a bootstrap that takes one event after the other, so CapacityProviderConfig has no effect: give Command with the runtime interface client of AWS, or run the function in containers`,
		`5:5: Functions.a.Freeze: is not for a function with CapacityProviderConfig, whose environments are never frozen, as on Lambda: remove it`,
		`6:21: Functions.a.LoggingConfig.LogFormat: is Text, and a function with CapacityProviderConfig logs JSON only, as on Lambda: remove it`,
		`8:35: Functions.b.CapacityProviderConfig: has no effect together with InvokeEndpoint: set it where that function runs, and leave it out here`}},
	{"layers", "Functions:\n  a:\n    Command: [x]\n    Layers:\n      - nowhere\n      - full.yaml\n      - zip/broken.zip\n      - arn:aws:lambda:us-east-1:123456789012:layer:a:1\n", false, []string{
		`5:9: Functions.a.Layers[0]: does not exist (relative to this file)`,
		`6:9: Functions.a.Layers[1]: is neither a directory nor a .zip file`,
		`7:9: Functions.a.Layers[2]: is not a zip archive, or is incomplete (zip: not a valid zip file): build or copy it again`,
		`8:9: Functions.a.Layers[3]: is not on this machine, and this version does not fetch layers: name a directory or a .zip file`}},
	{"too many layers", "Functions:\n  a: {Command: [x], Layers: [a, b, c, d, e, f]}\n", true, []string{
		`2:21: Functions.a.Layers: has 6 items, above 5`}},
	{"an archive that is none", "Functions:\n  a: {Command: [x], CodeUri: zip/broken.zip}\n", false, []string{
		`2:21: Functions.a.CodeUri: is not a zip archive, or is incomplete (zip: not a valid zip file): build or copy it again`}},
	{"an archive that leaves its directory", "Functions:\n  a: {Command: [x], CodeUri: zip/escapes.zip}\n", false, []string{
		`2:21: Functions.a.CodeUri: entry "../x" leaves the directory: build the archive inside of the directory that it holds`}},
	{"the kind of package", "Functions:\n  a: {ImageUri: orders, PackageType: Image}\n", true, []string{
		`2:25: Functions.a.PackageType: follows from ImageUri: remove it`}},
	{"networks", "Engine: {ContainerNetworks: 8.8.0.0/16}\n", false, []string{
		`1:10: Engine.ContainerNetworks: "8.8.0.0/16" is not a range of private IPv4 addresses such as 10.208.0.0/12`}},
	{"networks of one address", "Engine: {ContainerNetworks: 10.0.0.1}\n", true, []string{
		`1:10: Engine.ContainerNetworks: "10.0.0.1" is not a range of private IPv4 addresses such as 10.208.0.0/12`}},
	{"networks in the middle", "Engine: {ContainerNetworks: 10.0.7.0/16}\n", false, []string{
		`1:10: Engine.ContainerNetworks: "10.0.7.0/16" is not the beginning of its range: write 10.0.0.0/16`}},
	{"few networks", "Engine: {ContainerNetworks: 10.0.7.0/25}\n", false, []string{
		`1:10: Engine.ContainerNetworks: "10.0.7.0/25" should have a prefix from /8 to /24`}},
}
