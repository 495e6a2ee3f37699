// Runs a Node.js handler for the function that the environment describes, until the Runtime API goes away.
//
// A small runtime interface client: Node.js 18 and later, nothing but its own modules.

import { RuntimeAPI } from './api.mjs';
import { load } from './handler.mjs';
import * as errors from './errors.mjs';
import * as invocation from './invocation.mjs';
import * as logs from './logs.mjs';

const api = new RuntimeAPI(process.env.AWS_LAMBDA_RUNTIME_API);

// What an error outside of a handler's own call is reported to: the invocation in hand, or the start.
let reportTo = (error) => api.failInit(errors.describe(error));

logs.patchConsole();
process.on('uncaughtException', (error) => die('Uncaught Exception', error, 129));
process.on('unhandledRejection', (reason) => {
  die('Unhandled Promise Rejection', new errors.UnhandledPromiseRejection(reason), 128);
});

let handler;
try {
  handler = await load(process.env.LAMBDA_TASK_ROOT || process.cwd(), process.env._HANDLER || '');
  await new Promise(setImmediate); // a rejection that nobody handled shows now
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
  let answer;
  try {
    const body = invocation.encode(await invocation.run(handler, event));
    answer = () => api.respond(event.id, body);
  } catch (error) {
    logs.error('Invoke Error', error);
    answer = () => api.fail(event.id, errors.describe(error));
  }
  const answering = insist(answer);
  reportTo = () => answering; // what goes wrong now changes nothing about the answer, which must only get out
  await answering;
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

// Makes a call without which the runtime cannot go on, and ends the process when it is not to be had. After 413 the
// Runtime API has answered the caller itself and goes on.
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
