// SPDX-License-Identifier: MIT
// A client of MicroPython's WebREPL: text frames are for the REPL, binary ones for transfers.
class WebRepl {
  #socket; #text = ''; #bytes = []; #count = 0; #wake = null; #ended = null; #password;
  #accept; #refuse; #onText; #onEnd; #tail = Promise.resolve();

  // `ready` resolves when the password was accepted, and rejects with a sentence otherwise.
  constructor(url, password, onText, onEnd) {
    this.#password = password;
    this.#onText = onText;
    this.#onEnd = onEnd;
    this.ready = new Promise((accept, refuse) => {
      this.#accept = accept;
      this.#refuse = refuse;
    });
    this.#socket = new WebSocket(url);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onmessage = (event) => this.#message(event.data);
    this.#socket.onclose = (event) => this.#end(event);
  }

  send(text) {
    if (this.#socket.readyState === 1) this.#socket.send(text);
  }

  close() {
    this.#socket.close();
    this.#end({});
  }

  #message(data) {
    if (typeof data !== 'string') {
      this.#bytes.push(new Uint8Array(data));
      this.#count += data.byteLength;
      this.#wake?.();
    } else if (!this.#accept) {
      this.#onText(data);
    } else {
      this.#login(data);
    }
  }

  #login(data) {
    this.#text += data;
    if (this.#password !== null && this.#text.includes('Password: ')) {
      this.send(this.#password + '\r');
      this.#password = null;
      this.#text = '';
    } else if (this.#text.includes('WebREPL connected')) {
      this.#accept();
      this.#accept = null;
      this.#onText(this.#text.trimStart());
    } else if (this.#text.includes('Access denied')) {
      this.#refuse(new Error('Wrong password'));
    }
  }

  #end(event) {
    if (this.#ended) return;
    const said = this.#text.trim() || event.reason;
    this.#ended = new Error(said ? 'The device refused: ' + said : 'The connection was lost');
    this.#password = null;
    this.#refuse(this.#ended);
    this.#wake?.();
    this.#onEnd(this, event.reason);
  }

  // Runs transfers one after another, even after a failure.
  #turn(work) {
    const turn = this.#tail.then(() => {
      this.#bytes = [];
      this.#count = 0;
      return work();
    });
    this.#tail = turn.catch(() => {});
    return turn;
  }

  async #read(n) {
    while (this.#count < n) {
      if (this.#ended) throw this.#ended;
      await new Promise((wake, fail) => {
        const late = setTimeout(() => fail(new Error('The device did not answer')), 20000);
        this.#wake = () => { clearTimeout(late); wake(); };
      });
    }
    const result = new Uint8Array(n);
    for (let at = 0; at < n;) {
      const first = this.#bytes[0], part = first.subarray(0, n - at);
      result.set(part, at);
      at += part.length;
      if (part.length === first.length) this.#bytes.shift();
      else this.#bytes[0] = first.subarray(part.length);
    }
    this.#count -= n;
    return result;
  }

  async #number() {
    const two = await this.#read(2);
    return two[0] | two[1] << 8;
  }

  // "WA", operation, flags, offset (8 bytes), size (4), length of the name (2), name (64)
  #request(operation, name, size) {
    const bytes = new TextEncoder().encode(name);
    if (bytes.length > 64) throw new Error('The path is longer than 64 bytes');
    const record = new Uint8Array(82), view = new DataView(record.buffer);
    record.set([0x57, 0x41, operation]);
    view.setUint32(12, size, true);
    view.setUint16(16, bytes.length, true);
    record.set(bytes, 18);
    this.#socket.send(record);
  }

  // "WB" and an error code, 0 for success
  async #answer(failure) {
    const head = await this.#read(2), code = await this.#number();
    if (head[0] !== 0x57 || head[1] !== 0x42) throw new Error('Invalid response from the device');
    if (code) throw new Error(failure);
  }

  put(name, data, onProgress) {
    return this.#turn(async () => {
      this.#request(1, name, data.length);
      await this.#answer('The device cannot write ' + name);
      for (let at = 0; at < data.length; at += 1024) {
        this.#socket.send(data.subarray(at, at + 1024));
        while (this.#socket.bufferedAmount > 16384 && !this.#ended) {
          await new Promise((wake) => setTimeout(wake, 5));
        }
        if (this.#ended) throw this.#ended;
        onProgress((at + 1024) / data.length);
      }
      await this.#answer('The device could not write all of ' + name);
    });
  }

  get(name, onProgress) {
    return this.#turn(async () => {
      const parts = [];
      let total = 0;
      this.#request(2, name, 0);
      await this.#answer('The device cannot read ' + name);
      for (;;) {
        this.#socket.send(new Uint8Array(1));
        const length = await this.#number();
        if (!length) break;
        parts.push(await this.#read(length));
        onProgress(total += length);
      }
      await this.#answer('The device could not read all of ' + name);
      return new Blob(parts);
    });
  }
}
