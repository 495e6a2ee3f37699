// Responses that a handler streams (AWS: "Response streaming for Lambda functions").

import { Writable } from 'node:stream';

import { Fault } from './errors.mjs';

// Lambda's runtime marks handlers that stream with these, and tracers look for them.
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');

const HTTP_RESPONSE = 'application/vnd.awslambda.http-integration-response';
const END_OF_PRELUDE = Buffer.alloc(8);

const PRELUDE = Symbol('prelude');

// The global object awslambda.
export const awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMING] = 'response';
    if (options?.highWaterMark !== undefined) {
      handler[HIGH_WATER_MARK] = Number(options.highWaterMark);
    }
    return handler;
  },

  HttpResponseStream: {
    // Makes what is written to stream the body of an HTTP response with this statusCode, headers and cookies.
    from(stream, metadata) {
      stream.setContentType(HTTP_RESPONSE);
      stream[PRELUDE] = Buffer.concat([Buffer.from(JSON.stringify(metadata)), END_OF_PRELUDE]);
      return stream;
    },
  },
};

export function isStreaming(handler) {
  return handler[STREAMING] === 'response';
}

// What a handler writes its response to. The response begins with the first write, or at the end.
export class ResponseStream extends Writable {
  #open; // opens the request of a content type
  #request = null;
  #contentType = 'application/octet-stream';
  #failure = null; // its description, if the response ends with one

  constructor(handler, open) {
    super({ highWaterMark: handler[HIGH_WATER_MARK] });
    this.#open = open;
    this.on('error', () => {}); // the handler's promise tells
  }

  get begun() {
    return this.#request !== null;
  }

  setContentType(contentType) {
    if (this.begun) {
      throw new Fault('InvalidStreamingOperation', 'The content type cannot be set: the response has begun');
    }
    this.#contentType = contentType;
  }

  // Ends a response that has begun. It resolves once the Runtime API has it all.
  async finish() {
    return this.#request.answered;
  }

  // Ends a response that has begun with the description of a failure, behind what was written before.
  async fail(description) {
    this.#failure = description;
    if (this.destroyed) {
      this.#request.end(description);
    } else {
      this.end();
    }
    return this.#request.answered;
  }

  write(chunk, ...rest) {
    return super.write(toBytes(chunk), ...rest);
  }

  end(chunk, ...rest) {
    const given = chunk !== undefined && chunk !== null && typeof chunk !== 'function';
    return super.end(given ? toBytes(chunk) : chunk, ...rest);
  }

  _write(chunk, encoding, callback) {
    this.#begin().write(chunk, callback);
  }

  _final(callback) {
    this.#begin().end(this.#failure, callback);
  }

  #begin() {
    if (this.#request === null) {
      this.#request = this.#open(this.#contentType);
      if (this[PRELUDE]) {
        this.#request.write(this[PRELUDE]);
      }
    }
    return this.#request;
  }
}

// Values that are neither text nor bytes are written as JSON.
function toBytes(chunk) {
  return typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk : JSON.stringify(chunk);
}
