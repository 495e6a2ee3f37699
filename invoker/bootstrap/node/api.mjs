// The Runtime API over one kept connection.
//
// node:http is not used because tracers patch it and would report these calls as the handler's, and because it is slow:
// most of a warm invocation is two round trips. The connection keeps the process alive only while an answer is due: while
// a handler runs, an empty event loop must mean that the handler has nothing left to do.

import net from 'node:net';

const BASE = '/2018-06-01/runtime/';
const BLANK_LINE = Buffer.from('\r\n\r\n');

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

  failInit(description) {
    return this.#call('POST', 'init/error', JSON.stringify(description), description.errorType);
  }

  #call(method, path, body = '', errorType = '') {
    const payload = Buffer.from(body);
    let head = `${method} ${BASE}${path} HTTP/1.1\r\nHost: ${this.#host}\r\nUser-Agent: esm-node\r\n`;
    if (method === 'POST') {
      head += `Content-Type: application/json\r\nContent-Length: ${payload.length}\r\n`;
    }
    if (errorType) {
      head += `Lambda-Runtime-Function-Error-Type: ${errorType.replace(/[^\x20-\x7e]/g, '?')}\r\n`;
    }
    const request = Buffer.concat([Buffer.from(`${head}\r\n`), payload]);
    const turn = this.#last.then(() => this.#exchange(request));
    this.#last = turn.catch(() => {});
    return turn.then((answer) => {
      if (answer.status < 200 || answer.status > 299) {
        const said = answer.body.toString().trim();
        throw Object.assign(new Error(`Runtime API: ${path} answered ${answer.status}: ${said}`), answer);
      }
      return answer;
    });
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
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, needs: 1 };
      this.#socket.ref();
      this.#socket.write(request);
    });
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
