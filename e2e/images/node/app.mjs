// A handler that does what the event says, like the handlers in the other languages beside it.
import process from "node:process";

const init = process.env.INIT;
if (init === "error") throw new RangeError("no beans at all");
if (init === "exit") process.exit(7);

let count = 0;

export const handler = async (event, context) => {
  count++;
  switch (event.do) {
    case "echo":
      return event.value;
    case "error":
      throw new RangeError(event.text);
    case "exit":
      process.exit(event.code);
    case "sleep":
      await new Promise((done) => setTimeout(done, event.seconds * 1000));
      return null;
    case "size":
      return "x".repeat(event.bytes - '""'.length);
    case "environment":
      return process.env[event.name] ?? null;
    case "context":
      return {
        id: context.awsRequestId,
        arn: context.invokedFunctionArn,
        name: context.functionName,
        version: context.functionVersion,
        memory: Number(context.memoryLimitInMB),
        group: context.logGroupName,
        stream: context.logStreamName,
        remaining: context.getRemainingTimeInMillis(),
        trace: process.env._X_AMZN_TRACE_ID,
      };
    case "count":
      return count;
    case "allocate":
      return Buffer.alloc(event.bytes, 1).length;
    default:
      throw new Error("unknown: " + event.do);
  }
};

// Streams the words of the event's text, one at a time.
export const stream = awslambda.streamifyResponse(async (event, response) => {
  if (event.do === "error") throw new RangeError(event.text);
  for (const word of event.text.split(/(?<= )/)) response.write(word);
  response.end();
});
