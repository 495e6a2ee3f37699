// The Runtime API over one kept connection.
//
// node:http is not used because tracers patch it and would report these calls as the handler's, and because it is slow:
// most of a warm invocation is two round trips. The connection keeps the process alive only while an answer is due: while
// a handler runs, an empty event loop must mean that the handler has nothing left to do.

import net from 'node:net';

const BASE = '/2018-06-01/runtime/';
const BLANK_LINE = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');
const ERROR_TYPE = 'Lambda-Runtime-Function-Error-Type';
const ERROR_BODY = 'Lambda-Runtime-Function-Error-Body';

export class RuntimeAPI {
  #host;
  #connection = null;
  #last = Promise.resolve(); // requests take turns

  constructor(address) {
    this.#host = address;
  }

  // Waits for an event, without a timeout.
  async next() {
    const { headers, body } = await this.#call('GET', 'invocation/next');
    return {
      id: headers['lambda-runtime-aws-request-id'],
      deadlineMs: Number(headers['lambda-runtime-deadline-ms']),
      functionArn: headers['lambda-runtime-invoked-function-arn'],
      traceId: headers['lambda-runtime-trace-id'],
      clientContext: headers['lambda-runtime-client-context'],
      identity: headers['lambda-runtime-cognito-identity'],
      tenantId: headers['lambda-runtime-aws-tenant-id'],
      body,
    };
  }

  respond(id, body) {
    return this.#call('POST', `invocation/${encodeURIComponent(id)}/response`, body);
  }

  fail(id, description) {
    const path = `invocation/${encodeURIComponent(id)}/error`;
    return this.#call('POST', path, JSON.stringify(description), description.errorType);
  }

  // Begins a response that is sent in parts.
  stream(id, contentType) {
    return new StreamedResponse(this.#host, `invocation/${encodeURIComponent(id)}/response`, contentType);
  }

  failInit(description) {
    return this.#call('POST', 'init/error', JSON.stringify(description), description.errorType);
  }

  #call(method, path, body = '', errorType = '') {
    const payload = Buffer.from(body);
    let head = requestHead(method, path, this.#host);
    if (method === 'POST') {
      head += `Content-Type: application/json\r\nContent-Length: ${payload.length}\r\n`;
    }
    if (errorType) {
      head += field(ERROR_TYPE, errorType);
    }
    const request = Buffer.concat([Buffer.from(`${head}\r\n`), payload]);
    const turn = this.#last.then(() => this.#exchange(request));
    this.#last = turn.catch(() => {});
    return turn.then((answer) => check(answer, path));
  }

  // Sends the request, and again if a kept connection has been closed.
  async #exchange(request) {
    if (this.#connection?.open) {
      try {
        return await this.#connection.exchange(request);
      } catch {
        // A new connection shows whether the server is there.
      }
    }
    this.#connection = new Connection(this.#host);
    try {
      return await this.#connection.exchange(request);
    } catch (cause) {
      throw new Error(`Runtime API: ${this.#host}: ${cause.message}`, { cause });
    }
  }
}

// A response that is sent in parts, on a connection of its own: it cannot be sent again on another one.
class StreamedResponse {
  answered; // resolves to the answer of the Runtime API, which may come before the end
  #connection;
  #refused = null; // why the rest is of no use
  #ended = false;

  constructor(host, path, contentType) {
    this.#connection = new Connection(host);
    const head =
      requestHead('POST', path, host) +
      field('Content-Type', contentType) +
      'Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n' +
      `Trailer: ${ERROR_TYPE}, ${ERROR_BODY}\r\nConnection: close\r\n\r\n`;
    this.answered = this.#connection.begin(Buffer.from(head)).then((answer) => check(answer, path));
    this.answered.catch((failure) => (this.#refused = failure));
    this.#connection.unref(); // what the handler has left to do keeps the process alive
  }

  write(chunk, callback = () => {}) {
    if (this.#refused !== null) {
      callback(this.#refused);
      return;
    }
    const size = Buffer.from(`${chunk.length.toString(16)}\r\n`);
    this.#connection.write(chunk.length === 0 ? chunk : Buffer.concat([size, chunk, LINE_END]), callback);
  }

  // Ends the response, with the description of a failure unless that is null. Only the first call counts.
  end(failure, callback = () => {}) {
    if (this.#ended || this.#refused !== null) {
      callback(this.#refused);
      return;
    }
    this.#ended = true;
    let trailer = '';
    if (failure !== null) {
      const body = Buffer.from(JSON.stringify(failure)).toString('base64');
      trailer = field(ERROR_TYPE, failure.errorType) + field(ERROR_BODY, body);
    }
    this.#connection.ref(); // for the answer
    this.#connection.write(Buffer.from(`0\r\n${trailer}\r\n`), callback);
  }
}

// A connection with one exchange at a time.
class Connection {
  open = true;
  #socket;
  #received = []; // what came and is not yet used
  #size = 0; // of all that
  #waiting = null;

  constructor(address) {
    const [host, port] = address.split(':');
    this.#socket = net.connect({ host, port: Number(port), noDelay: true });
    this.#socket.on('data', (data) => this.#take(data));
    this.#socket.on('error', (error) => this.#end(error));
    this.#socket.on('close', () => this.#end(new Error('the connection was closed')));
  }

  exchange(request) {
    this.ref();
    return this.begin(request);
  }

  // Sends a request, or the beginning of one.
  begin(request) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, needs: 1 };
      this.#socket.write(request);
    });
  }

  write(data, callback) {
    this.#socket.write(data, callback);
  }

  ref() {
    this.#socket.ref();
  }

  unref() {
    this.#socket.unref();
  }

  #take(data) {
    this.#received.push(data);
    this.#size += data.length;
    if (this.#waiting === null || this.#size < this.#waiting.needs) {
      return;
    }
    const all = this.#received.length === 1 ? data : Buffer.concat(this.#received);
    const answer = parse(all);
    this.#keep(all.subarray(answer.end ?? 0));
    if (answer.needs !== undefined) {
      this.#waiting.needs = answer.needs;
      return;
    }
    const { resolve } = this.#waiting;
    this.#waiting = null;
    this.#socket.unref();
    if (answer.headers.connection?.toLowerCase() === 'close') {
      this.open = false;
      this.#socket.destroy();
    }
    resolve(answer);
  }

  #keep(rest) {
    this.#received = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
  }

  #end(error) {
    this.open = false;
    this.#waiting?.reject(error);
    this.#waiting = null;
  }
}

function requestHead(method, path, host) {
  return `${method} ${BASE}${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: esm-node\r\n`;
}

function field(name, value) {
  return `${name}: ${value.replace(/[^\x20-\x7e]/g, '?')}\r\n`;
}

// Returns an answer that is a success.
function check(answer, path) {
  if (answer.status < 200 || answer.status > 299) {
    const said = answer.body.toString().trim();
    throw Object.assign(new Error(`Runtime API: ${path} answered ${answer.status}: ${said}`), answer);
  }
  return answer;
}

// Returns the response at the start of data, or the least number of bytes needed for the next try.
function parse(data) {
  const blank = data.indexOf(BLANK_LINE);
  if (blank < 0) {
    return { needs: data.length + 1 };
  }
  const [first, ...lines] = data.toString('utf8', 0, blank).split('\r\n');
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const status = Number(first.split(' ')[1]);
  const start = blank + BLANK_LINE.length;
  if (headers['transfer-encoding']?.toLowerCase() === 'chunked') {
    return { status, headers, ...parseChunks(data, start) };
  }
  const end = start + Number(headers['content-length'] ?? 0);
  if (data.length < end) {
    return { needs: end };
  }
  return { status, headers, body: data.subarray(start, end), end };
}

function parseChunks(data, start) {
  const chunks = [];
  for (let at = start; ; ) {
    const lineEnd = data.indexOf('\r\n', at);
    if (lineEnd < 0) {
      return { needs: data.length + 1 };
    }
    const size = parseInt(data.toString('latin1', at, lineEnd), 16);
    at = lineEnd + 2;
    if (size === 0) {
      return parseTrailers(data, at, Buffer.concat(chunks));
    }
    if (data.length < at + size + 2) {
      return { needs: at + size + 2 };
    }
    chunks.push(data.subarray(at, at + size));
    at += size + 2;
  }
}

function parseTrailers(data, start, body) {
  for (let at = start; ; ) {
    const lineEnd = data.indexOf('\r\n', at);
    if (lineEnd < 0) {
      return { needs: data.length + 1 };
    }
    if (lineEnd === at) {
      return { body, end: at + 2 };
    }
    at = lineEnd + 2;
  }
}
