// Finding the handler that "module.function" names.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { Fault } from './errors.mjs';
import { awslambda, isStreaming } from './stream.mjs';

// Loads the module under root and returns the function. The module may be in a directory ("dir/app.handler") and the
// function inside an object ("app.api.handler").
export async function load(root, name) {
  if (name.includes('..')) {
    throw new Fault('Runtime.MalformedHandlerName', `'${name}' is not a valid handler name: it may not contain '..'`);
  }
  const { base, dir } = path.posix.parse(name);
  const dot = base.indexOf('.');
  if (dot < 1 || dot === base.length - 1) {
    throw new Fault('Runtime.MalformedHandlerName', `Bad handler '${name}': it must be of the form module.function`);
  }
  globalThis.awslambda = { ...globalThis.awslambda, ...awslambda };
  const module = await loadModule(root, path.join(dir, base.slice(0, dot)));
  const handler = base.slice(dot + 1).split('.').reduce((object, key) => object?.[key], module);
  check(handler, name);
  return handler;
}

function check(handler, name) {
  if (!handler) {
    throw new Fault('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  }
  if (typeof handler !== 'function') {
    throw new Fault('Runtime.HandlerNotFound', `${name} is not a function`);
  }
  if (!isStreaming(handler) && handler.length >= 3 && promisesOnly()) {
    throw new Fault(
      'Runtime.CallbackHandlerDeprecated',
      `${name} takes a callback, which Lambda does not support from Node.js 24 on: make it an async function`,
    );
  }
}

// From Node.js 24 on, Lambda's runtimes support neither callbacks nor waiting for an empty event loop.
export function promisesOnly() {
  return Number(/^AWS_Lambda_nodejs(\d+)\.x$/.exec(process.env.AWS_EXECUTION_ENV ?? '')?.[1]) >= 24;
}

async function loadModule(root, module) {
  try {
    return await importOrRequire(root, module);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new Fault('Runtime.UserCodeSyntaxError', String(error), error);
    }
    if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND') {
      throw new Fault('Runtime.ImportModuleError', String(error), error);
    }
    throw error;
  }
}

async function importOrRequire(root, module) {
  const file = path.resolve(root, module);
  const require = createRequire(file);
  for (const [extension, isModule] of candidates(path.dirname(file))) {
    if (fs.statSync(file + extension, { throwIfNoEntry: false })?.isFile()) {
      return isModule ? import(pathToFileURL(file + extension).href) : require(file + extension);
    }
  }
  if (fs.existsSync(file)) {
    return require(file); // a directory with an index.js
  }
  return require(require.resolve(path.basename(module), { paths: [root, path.dirname(file)] }));
}

// The extensions of a module's file, in Lambda's order, and whether the file is an ES module.
function candidates(dir) {
  const scope = isModuleScope(dir);
  const list = [['', false], ['.js', scope], ['.mjs', true], ['.cjs', false]];
  if (process.features.typescript) {
    list.push(['.ts', scope], ['.mts', true], ['.cts', false]);
  }
  return list;
}

// Whether the nearest package.json says "type": "module".
function isModuleScope(dir) {
  if (path.basename(dir) === 'node_modules') {
    return false;
  }
  const file = path.join(dir, 'package.json');
  if (fs.existsSync(file)) {
    try {
      return JSON.parse(fs.readFileSync(file, 'utf8'))?.type === 'module';
    } catch (error) {
      console.warn(`${file} cannot be read:`, error);
      return false;
    }
  }
  const parent = path.dirname(dir);
  return parent !== dir && isModuleScope(parent);
}
