// Runs a Node.js handler for the function that the environment describes, until the Runtime API goes away.
//
// A small runtime interface client: Node.js 18 and later, built-in modules only.

import { RuntimeAPI } from './api.mjs';
import { load } from './handler.mjs';
import * as errors from './errors.mjs';
import * as invocation from './invocation.mjs';
import * as logs from './logs.mjs';
import { useNodePath } from './nodepath.mjs';
import { isStreaming, ResponseStream } from './stream.mjs';

const api = new RuntimeAPI(process.env.AWS_LAMBDA_RUNTIME_API);

// Reports an error outside of a handler's call: to the current invocation, or as a failed start.
let reportTo = (error) => api.failInit(errors.describe(error));

logs.patchConsole();
process.on('uncaughtException', (error) => die('Uncaught Exception', error, 129));
process.on('unhandledRejection', (reason) => {
  die('Unhandled Promise Rejection', new errors.UnhandledPromiseRejection(reason), 128);
});

useNodePath();
let handler;
try {
  handler = await load(process.env.LAMBDA_TASK_ROOT || process.cwd(), process.env._HANDLER || '');
  await new Promise(setImmediate); // an unhandled rejection shows now
} catch (error) {
  await die('Uncaught Exception', error, 129);
}
for (;;) {
  reportTo = async () => {};
  const event = await insist(() => api.next());
  logs.begin(event);
  reportTo = (error) => api.fail(event.id, errors.describe(error));
  await serve(event);
}

async function serve(event) {
  const answering = insist(await (isStreaming(handler) ? runStreaming(event) : run(event)));
  reportTo = () => answering; // later errors do not change the answer, which only has to be sent
  await answering;
}

// Calls the handler and returns what sends its answer.
async function run(event) {
  try {
    const body = invocation.encode(await invocation.run(handler, event));
    return () => api.respond(event.id, body);
  } catch (error) {
    logs.error('Invoke Error', error);
    return () => api.fail(event.id, errors.describe(error));
  }
}

// Calls a handler that sends its answer itself, and returns what waits until it is sent. An error is part of a response
// that has begun.
async function runStreaming(event) {
  const response = new ResponseStream(handler, (contentType) => api.stream(event.id, contentType));
  const fail = (error) => {
    const description = errors.describe(error);
    return response.begun ? response.fail(description) : api.fail(event.id, description);
  };
  reportTo = fail;
  try {
    await invocation.stream(handler, event, response);
    return () => response.finish();
  } catch (error) {
    logs.error('Invoke Error', error);
    return () => fail(error);
  }
}

// Reports an error that leaves the process in an unknown state, and ends it.
async function die(title, error, status) {
  logs.error(title, error);
  try {
    await reportTo(error);
  } catch (failure) {
    process.stderr.write(`${failure.message}\n`);
  }
  process.exit(status);
}

// Makes a call, and ends the process if it fails: the runtime cannot go on without it. After 413 it can: the Runtime API
// has answered the caller.
async function insist(call) {
  try {
    return await call();
  } catch (failure) {
    process.stderr.write(`${failure.message}\n`);
    if (failure.status !== 413) {
      process.exit(1);
    }
  }
}
