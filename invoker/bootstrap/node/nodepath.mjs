// Finding ES modules where NODE_PATH says, as Lambda's runtimes do: layers are there. Node.js itself looks there for CommonJS
// modules only.

import module from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const dirs = (process.env.NODE_PATH ?? '').split(path.delimiter).filter(Boolean);

// Makes imports look there. Before Node.js 18.19 that is not possible.
export function useNodePath() {
  if (dirs.length === 0) {
    return;
  }
  if (module.registerHooks) {
    module.registerHooks({ resolve: resolveNow });
  } else {
    module.register?.(import.meta.url); // which calls resolve
  }
}

export async function resolve(specifier, context, next) {
  let failure;
  for (const place of places(specifier, context)) {
    try {
      return await next(specifier, place);
    } catch (error) {
      failure = firstMissing(failure, error);
    }
  }
  throw failure;
}

function resolveNow(specifier, context, next) {
  let failure;
  for (const place of places(specifier, context)) {
    try {
      return next(specifier, place);
    } catch (error) {
      failure = firstMissing(failure, error);
    }
  }
  throw failure;
}

// Yields the contexts in which to look for a module: the importer's, and for a package that of each directory.
function* places(specifier, context) {
  yield context;
  if (/^[^./#:][^:]*$/.test(specifier)) {
    for (const dir of dirs) {
      yield { ...context, parentURL: pathToFileURL(path.join(path.dirname(dir), 'importer.mjs')).href };
    }
  }
}

// Returns the error of the first place if the module is missing there. Any other error is thrown.
function firstMissing(failure, error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND') {
    throw error;
  }
  return failure ?? error;
}
