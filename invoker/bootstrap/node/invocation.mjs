// One call of a handler: its arguments, and its end.

import { finished } from 'node:stream/promises';

import { Fault } from './errors.mjs';
import { promisesOnly } from './handler.mjs';

// Calls the handler and waits for its answer: the value of its promise, or the argument of a callback. The call is also
// over when the event loop is empty without an answer.
export function run(handler, event) {
  setTrace(event.traceId);
  const context = environment(event);
  return promisesOnly() ? runPromise(handler, event, context) : runLegacy(handler, event, context);
}

// Calls a handler that streams, and waits until it is done and has ended its response.
export function stream(handler, event, response) {
  setTrace(event.traceId);
  const context = environment(event);
  return new Promise((resolve, reject) => {
    onceIdle(() => reject(neverSettled()));
    const result = handler(JSON.parse(event.body), response, context);
    if (typeof result?.then !== 'function') {
      throw new Fault('InvalidStreamingOperation', 'A handler that streams its response must be async');
    }
    result.then(() => {
      onceIdle(() => reject(neverEnded()));
      finished(response, { readable: false }).then(resolve, reject);
    }, reject);
  }).finally(() => onceIdle(null));
}

// Returns the response's body.
export function encode(result) {
  try {
    return JSON.stringify(result) ?? 'null';
  } catch {
    throw new Error('Unable to stringify response body');
  }
}

function runPromise(handler, event, context) {
  return new Promise((resolve, reject) => {
    onceIdle(() => reject(neverSettled()));
    Promise.resolve(handler(JSON.parse(event.body), context)).then(resolve, reject);
  }).finally(() => onceIdle(null));
}

// Up to Node.js 22. The first answer counts, whether by promise, callback or context.
function runLegacy(handler, event, context) {
  return new Promise((resolve, reject) => {
    let waits = true;
    const done = (error, result) => (error === undefined || error === null ? resolve(result) : reject(error));
    const callback = (error, result) => {
      if (waits && (error === undefined || error === null)) {
        onceIdle(() => resolve(result));
      } else {
        done(error, result);
      }
    };
    const once = first();
    Object.defineProperty(context, 'callbackWaitsForEmptyEventLoop', {
      get: () => waits,
      set: (value) => (waits = value),
      enumerable: true,
    });
    context.done = once(done);
    context.succeed = once((result) => done(null, result));
    context.fail = once((error) => done(error ?? 'handled'));

    const isAsync = handler.constructor.name === 'AsyncFunction';
    onceIdle(() => (isAsync ? reject(neverSettled()) : resolve(null)));
    const result = handler(JSON.parse(event.body), context, once(callback));
    if (typeof result?.then === 'function') {
      result.then(context.succeed, context.fail);
    }
  }).finally(() => onceIdle(null));
}

// Returns a wrapper; of the functions that it wraps, only the first call runs.
function first() {
  let called = false;
  return (answer) => (...values) => {
    if (!called) {
      called = true;
      answer(...values);
    }
  };
}

function neverSettled() {
  return new Fault('Runtime.NodeJsExit', 'The handler left nothing to wait for, but its promise was never settled');
}

function neverEnded() {
  return new Fault('Runtime.NodeJsExit', 'The handler is done and left nothing to wait for, but did not end its response stream');
}

let idle = null;
process.on('beforeExit', () => {
  if (idle !== null) {
    setImmediate(idle); // which keeps the process alive
    idle = null;
  }
});

// Calls listener when the event loop is empty. There is one listener at a time.
function onceIdle(listener) {
  idle = listener;
}

function setTrace(header) {
  if (header === undefined) {
    delete process.env._X_AMZN_TRACE_ID;
  } else {
    process.env._X_AMZN_TRACE_ID = header;
  }
}

// The context of a handler (AWS: "Using the Lambda context object ... in Node.js").
function environment(event) {
  return {
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parse(event.clientContext, 'ClientContext'),
    identity: parse(event.identity, 'CognitoIdentity'),
    invokedFunctionArn: event.functionArn,
    awsRequestId: event.id,
    tenantId: event.tenantId,
    getRemainingTimeInMillis: () => event.deadlineMs - Date.now(),
  };
}

function parse(text, name) {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${error}`);
  }
}
