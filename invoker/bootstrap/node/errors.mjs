// Errors, in the form of the Runtime API and the log.

import { types } from 'node:util';

// An error of the runtime; type is the errorType of its report.
export class Fault extends Error {
  constructor(type, message, cause) {
    super(message);
    Object.defineProperty(this, 'name', { value: type }); // not enumerable: it is logged as errorType
    if (cause?.stack) {
      this.stack = cause.stack;
    }
  }
}

export class UnhandledPromiseRejection extends Error {
  constructor(reason) {
    super(printable(reason));
    this.reason = reason;
  }
}
UnhandledPromiseRejection.prototype.name = 'Runtime.UnhandledPromiseRejection';

// Returns the body that reports anything that was thrown.
export function describe(thrown) {
  try {
    if (types.isNativeError(thrown) || isLikeError(thrown)) {
      return {
        errorType: String(thrown.name),
        errorMessage: String(thrown.message),
        trace: String(thrown.stack).split('\n'),
      };
    }
    return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
  } catch {
    return { errorType: 'handled', errorMessage: 'the error that was thrown cannot be read', trace: [] };
  }
}

// Returns the JSON that logs an error: its enumerable properties, and the stack by lines.
export function toLog(thrown) {
  const error = thrown instanceof Error ? thrown : new Error(printable(thrown));
  try {
    return JSON.stringify(error, (key, value) => (value instanceof Error ? spread(value) : value));
  } catch {
    return JSON.stringify(describe(error));
  }
}

function spread(error) {
  const { name, message, code, stack } = error;
  return {
    errorType: name,
    errorMessage: message,
    code,
    ...error,
    stack: typeof stack === 'string' ? stack.split('\n') : stack,
  };
}

function isLikeError(thrown) {
  return ['name', 'message', 'stack'].every((key) => typeof thrown?.[key] === 'string' && thrown[key] !== '');
}

function printable(value) {
  try {
    return String(value);
  } catch {
    return typeof value;
  }
}
