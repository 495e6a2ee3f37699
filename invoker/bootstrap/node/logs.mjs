// The console: each call is one line of standard output.

import { format } from 'node:util';

import { toLog } from './errors.mjs';

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const AS_JSON = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON';

let requestId;
let tenantId;

// Sets the invocation of what is logged from now on.
export function begin(event) {
  requestId = event.id;
  tenantId = event.tenantId;
}

// Makes console write in the configured format, from the configured level on.
export function patchConsole() {
  const lowest = LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase());
  LEVELS.forEach((level, i) => {
    const name = level.toLowerCase();
    console[name] = i >= lowest || level === 'FATAL' ? (...values) => log(level, values) : () => {};
  });
  console.log = console.info;
}

// Writes an error that was reported to the Runtime API.
export function error(title, thrown) {
  if (AS_JSON) {
    console.error(thrown instanceof Error ? thrown : new Error(format(thrown)));
  } else {
    console.error(title, `\t${toLog(thrown)}`);
  }
}

// Line breaks become carriage returns, as on Lambda, to keep a message one event.
function log(level, values) {
  const now = new Date().toISOString();
  const line = AS_JSON ? toJSON(now, level, values) : `${now}\t${requestId}\t${level}\t${format(...values)}`;
  process.stdout.write(`${line.replaceAll('\n', '\r')}\n`);
}

function toJSON(timestamp, level, values) {
  const fields = { timestamp, level, requestId, tenantId };
  if (values.length === 1) {
    try {
      return JSON.stringify({ ...fields, message: values[0] }, (key, value) => flatten(value));
    } catch {
      return JSON.stringify({ ...fields, message: format(values[0]) });
    }
  }
  const thrown = values.find((value) => value instanceof Error);
  return JSON.stringify({ ...fields, message: format(...values), ...(thrown && summary(thrown)) });
}

function flatten(value) {
  return value instanceof Error ? { ...summary(value), ...value } : value;
}

function summary(error) {
  return {
    errorType: error.constructor?.name ?? 'UnknownError',
    errorMessage: error.message,
    stackTrace: typeof error.stack === 'string' ? error.stack.split('\n') : [],
  };
}
